import { z } from 'zod'
import { MAX_JITTER_SECONDS, MISFIRE_POLICIES, OVERLAP_POLICIES } from '../domain/schedule.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'
import { columnText } from './column-text.ts'

const INT32_MAX = 2 ** 31 - 1
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const shape = {
  name: columnText(255),
  handler: columnText(255),
  description: columnText(10_000, { minLength: 0 }).nullable(),
  cron: columnText(100).nullable(),
  interval_seconds: z.int().min(1).max(INT32_MAX).nullable(),
  timezone: columnText(100),
  /** Any JSON; its text is taken from the body as it stands there. */
  payload: z.unknown(),
  queue: columnText(100),
  condition: columnText(20_000).nullable(),
  misfire: z.enum(MISFIRE_POLICIES),
  overlap: z.enum(OVERLAP_POLICIES),
  jitter_seconds: z.int().min(0).max(MAX_JITTER_SECONDS),
  enabled: z.boolean(),
  priority: z
    .int()
    .min(-INT32_MAX + 1)
    .max(INT32_MAX),
  max_retries: z.int().min(0).max(INT32_MAX).nullable(),
  timeout: z.int().min(1).max(2_147_483).nullable(),
  max_executions: z.int().min(0).max(INT32_MAX),
  start_at: instant.nullable(),
  end_at: instant.nullable(),
  tenant_id: columnText(255).nullable(),
}

/** Which setting each member of a body is. */
const SETTING_OF: Readonly<Record<keyof typeof shape, keyof ScheduleSettings>> = {
  name: 'name',
  handler: 'handler',
  description: 'description',
  cron: 'cronExpression',
  interval_seconds: 'intervalSeconds',
  timezone: 'timeZone',
  payload: 'payload',
  queue: 'queue',
  condition: 'condition',
  misfire: 'misfirePolicy',
  overlap: 'overlapPolicy',
  jitter_seconds: 'jitterSeconds',
  enabled: 'enabled',
  priority: 'priority',
  max_retries: 'maxRetries',
  timeout: 'timeoutSeconds',
  max_executions: 'maxExecutions',
  start_at: 'startAt',
  end_at: 'endAt',
  tenant_id: 'tenantId',
}

const changeSchema = z.strictObject(shape).partial()
const newSchema = changeSchema.required({ name: true, handler: true })

/** The settings of a body, or everything that is wrong with it. */
export type CheckedBody<Settings> =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly InputProblem[] }

/** The body of `POST /api/schedules`. @param payload its text, as it stands in the body */
export function checkNewSchedule(
  parsed: unknown,
  payload: string | undefined,
): CheckedBody<Partial<ScheduleSettings> & Pick<ScheduleSettings, 'name' | 'handler'>> {
  const checked = newSchema.safeParse(parsed)
  if (!checked.success) return refused(checked.error)
  const { name, handler } = checked.data
  return { ok: true, settings: { ...settingsOf(checked.data, payload), name, handler } }
}

/** The body of `PATCH /api/schedules/:id`. @param payload its text, as it stands in the body */
export function checkScheduleChange(
  parsed: unknown,
  payload: string | undefined,
): CheckedBody<Partial<ScheduleSettings>> {
  const checked = changeSchema.safeParse(parsed)
  return checked.success
    ? { ok: true, settings: settingsOf(checked.data, payload) }
    : refused(checked.error)
}

function settingsOf(
  body: z.output<typeof changeSchema>,
  payload: string | undefined,
): Partial<ScheduleSettings> {
  const entries = Object.entries(body).map(([member, value]) => [
    SETTING_OF[member as keyof typeof shape],
    member === 'payload' ? (value === null ? null : (payload ?? null)) : value,
  ])
  return Object.fromEntries(entries) as Partial<ScheduleSettings>
}

function refused(error: z.ZodError): { readonly ok: false; readonly problems: InputProblem[] } {
  return {
    ok: false,
    problems: error.issues.map((issue) => ({
      path: issue.path.map(String).join('.'),
      message: issue.message,
    })),
  }
}
