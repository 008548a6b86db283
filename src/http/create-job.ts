import { CrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { StatusWord } from '../domain/status.ts'
import { validTraceparent } from '../domain/traceparent.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { MakeId } from '../ports/clock.ts'
import type { Handler, HandlerRegistry, ParseInput } from '../ports/handler.ts'
import { readJsonBody } from '../ports/http-body.ts'
import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'
import { readWait } from '../ports/http-wait.ts'
import type { JobWaits } from '../ports/job-waits.ts'
import type { Store } from '../ports/store.ts'
import { checkNewJobBody, type Closest, type NewJobBody } from './new-job-body.ts'
import { inputProblem } from './problem.ts'
import { rawMember } from './raw-member.ts'

/** What making a job takes. */
export interface CreateJobOptions {
  readonly store: Pick<Store, 'findJob'>
  readonly waits: JobWaits
  /** Stores a job; settles after COMMIT. `duplicate`: one of its keys is job `jobId`'s. */
  readonly enqueue: (
    job: NewJob,
  ) => Promise<{ readonly jobId: string; readonly duplicate: boolean }>
  readonly handlers: HandlerRegistry
  readonly parseInput: ParseInput
  /** The inbox key of a message of a subscription. */
  readonly inboxKey: (subscription: string, identity: string) => string
  readonly closest: Closest
  readonly makeId: MakeId
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const MAX_KEY_CHARACTERS = 255

/** `POST /api/jobs`: answers 202 once the job is committed; with `?wait=` 200 if it has ended by then. */
export async function createJob(
  request: HttpRequest,
  options: CreateJobOptions,
): Promise<HttpResponse> {
  const key = singleHeader(request, 'idempotency-key')
  if (key !== undefined && (key === '' || key.length > MAX_KEY_CHARACTERS)) {
    return httpProblem(
      'invalid_idempotency_key',
      'The header idempotency-key has 1 to 255 characters.',
    )
  }
  const wait = readWait(request)
  if (!wait.ok) return wait.problem
  const json = readJsonBody(request)
  if (!json.ok) return json.problem
  const checked = checkNewJobBody(json.value.parsed, options.closest)
  if (!checked.ok) return inputProblem(checked.problems)
  const { body } = checked
  const job = newJob({
    body,
    payload: rawMember(json.value.text, 'payload'),
    // An instance that lacks the handler takes the job all the same: another one may have it.
    handler: options.handlers.get(body.handler),
    dedupeKey: key === undefined ? undefined : options.inboxKey('api', `jobs:${key}`),
    traceparent: validTraceparent(singleHeader(request, 'traceparent')),
    id: options.makeId(),
  })
  const problems = await inputProblems(job, options)
  if (problems.length > 0) return inputProblem(problems)
  const { jobId, duplicate } = await options.enqueue(job)
  const status = duplicate ? await statusOf(jobId, options) : firstStatus(job, options)
  if (wait.value === undefined) return accepted(jobId, status)
  const how = { limitMs: wait.value, signal: request.closed() }
  const waited = await options.waits.untilEnded(jobId, how)
  return waited.ended
    ? { status: 200, headers: locationOf(jobId), body: waited.job }
    : accepted(jobId, waited.status ?? status)
}

interface NewJobParts {
  readonly body: NewJobBody
  readonly payload: string | undefined
  readonly handler: Handler | undefined
  readonly dedupeKey: string | undefined
  readonly traceparent: string | undefined
  readonly id: string
}

function newJob({ body, payload, handler, dedupeKey, traceparent, id }: NewJobParts): NewJob {
  return {
    id,
    handler: body.handler,
    queue: body.queue ?? handler?.queue,
    priority: body.priority ?? handler?.priority,
    maxRetries: body.max_retries,
    timeoutSeconds: body.timeout,
    name: body.name,
    description: body.description,
    type: body.type ?? 'manual',
    direction: 'internal',
    payload,
    contentType: payload === undefined ? undefined : 'application/json',
    scheduledAt: body.scheduled_at,
    delayMs: body.delay_seconds === undefined ? undefined : body.delay_seconds * 1000,
    uniqueKey: body.unique_key,
    orderingKey: body.ordering_key,
    dedupeKey,
    tenantId: body.tenant_id,
    createdBy: body.created_by,
    correlationId: body.correlation_id,
    parentJobId: body.parent_job_id,
    metadata: body.metadata,
    headers: body.headers,
    traceparent,
  }
}

async function inputProblems(
  job: NewJob,
  { handlers, parseInput }: CreateJobOptions,
): Promise<readonly InputProblem[]> {
  const handler = handlers.get(job.handler)
  if (handler?.input === undefined) return []
  const checked = await parseInput(handler, {
    payload: job.payload ?? null,
    contentType: job.contentType ?? null,
    payloadEncoding: null,
  })
  return checked.ok
    ? []
    : checked.problems.map(({ path, message }) => ({
        path: path === '' ? 'payload' : `payload.${path}`,
        message,
      }))
}

function firstStatus(job: NewJob, { now }: CreateJobOptions): StatusWord {
  const delayed = job.delayMs !== undefined && job.delayMs > 0
  return delayed || (job.scheduledAt !== undefined && job.scheduledAt.getTime() > now())
    ? 'scheduled'
    : job.orderingKey === undefined
      ? 'pending'
      : 'queued'
}

async function statusOf(jobId: string, { store }: CreateJobOptions): Promise<StatusWord> {
  const job = await store.findJob(jobId)
  if (job !== undefined) return job.status
  // Removed by a clean-up between the two statements: the key is free again.
  throw new CrossdockError('database_retryable', `Job ${jobId} was removed meanwhile.`, {
    retryable: true,
  })
}

function accepted(id: string, status: StatusWord): HttpResponse {
  return {
    status: 202,
    headers: locationOf(id),
    body: { id, job_id: id, status },
  }
}

function locationOf(id: string): { readonly location: string } {
  return { location: `/api/jobs/${encodeURIComponent(id)}` }
}

function singleHeader({ headers }: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
