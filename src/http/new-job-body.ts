import { z } from 'zod'
import type { Headers } from '../domain/job.ts'
import { JOB_TYPE_WORDS } from '../domain/job-type.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InputProblem } from '../ports/adapter.ts'
import { columnJson, columnText } from './column-text.ts'

const INT32_MAX = 2 ** 31 - 1
/** The claim's rank is the negated priority, and a retry lowers the priority by one. */
const MIN_PRIORITY = -INT32_MAX + 1
/** The longest timer of Node, a little under 25 days. */
const MAX_TIMEOUT_SECONDS = 2_147_483
const MAX_DELAY_SECONDS = 366 * 86_400

/** The body of `POST /api/jobs`. */
export const newJobBodySchema = z.strictObject({
  handler: columnText(255),
  /** Any JSON; its text is taken from the body as it stands there. */
  payload: z.unknown().optional(),
  queue: columnText(100).optional(),
  priority: z.int().min(MIN_PRIORITY).max(INT32_MAX).optional(),
  max_retries: z.int().min(0).max(INT32_MAX).optional(),
  /** In seconds. */
  timeout: z.int().min(1).max(MAX_TIMEOUT_SECONDS).optional(),
  name: columnText(255).optional(),
  description: columnText(10_000, { minLength: 0 }).optional(),
  type: z.enum(JOB_TYPE_WORDS).optional(),
  scheduled_at: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine(isStorableTime, 'must be between the years 1970 and 9999')
    .optional(),
  delay_seconds: z.number().min(0).max(MAX_DELAY_SECONDS).optional(),
  unique_key: columnText(255).optional(),
  ordering_key: columnText(255).optional(),
  tenant_id: columnText(255).optional(),
  created_by: columnText(255).optional(),
  correlation_id: columnText(255).optional(),
  parent_job_id: columnText(64).optional(),
  metadata: columnJson(isObject, 'must be an object').optional(),
  headers: columnJson(
    isHeaders,
    'must be an object of strings, arrays of strings, or {"base64": "…"}',
  ).optional(),
})

/** A body that fits {@link newJobBodySchema}. */
export type NewJobBody = z.output<typeof newJobBodySchema>

/** Finds the name that was probably meant. */
export type Closest = (word: string, candidates: Iterable<string>) => string | undefined

/** The body, or everything that is wrong with it. */
export function checkNewJobBody(
  parsed: unknown,
  closest: Closest,
):
  | { readonly ok: true; readonly body: NewJobBody }
  | { readonly ok: false; readonly problems: readonly InputProblem[] } {
  const checked = newJobBodySchema.safeParse(parsed)
  if (!checked.success) {
    return {
      ok: false,
      problems: checked.error.issues.flatMap((issue) => problemsOf(issue, closest)),
    }
  }
  if (checked.data.scheduled_at !== undefined && checked.data.delay_seconds !== undefined) {
    const message = 'stands beside scheduled_at; give one of the two'
    return { ok: false, problems: [{ path: 'delay_seconds', message }] }
  }
  return { ok: true, body: checked.data }
}

function problemsOf(issue: z.core.$ZodIssue, closest: Closest): readonly InputProblem[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ path: issue.path.map(String).join('.'), message: issue.message }]
  }
  return issue.keys.slice(0, 20).map((key) => {
    const meant = closest(key.slice(0, 100), Object.keys(newJobBodySchema.shape))
    return {
      path: key.slice(0, 100),
      message: `is not known${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    }
  })
}

function isStorableTime(time: Date): boolean {
  const year = time.getUTCFullYear()
  return year >= 1970 && year <= 9999
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isHeaders(value: unknown): value is Headers {
  return isObject(value) && Object.values(value).every(isHeaderValue)
}

function isHeaderValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string')
  if (!isObject(value)) return typeof value === 'string'
  return Object.keys(value).length === 1 && typeof value['base64'] === 'string'
}
