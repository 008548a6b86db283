import { CrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type {
  EnqueueOptions,
  Handler,
  HandlerContext,
  HandlerJob,
  Transaction,
} from '../ports/handler.ts'
import type { ClaimedJob, HandlerTransaction } from '../ports/store.ts'
import { maxRetriesOf } from './ending.ts'
import type { HandlerCall, HandlerCallContext } from './handler-call.ts'
import { publishedMessage } from './published-message.ts'

const INT_MAX = 2_147_483_647

/** Builds what a handler is given. */
export function handlerContext(
  context: HandlerCallContext,
  { job, handler, abort, effects, onProgress }: HandlerCall,
  input: unknown,
): HandlerContext<unknown> {
  const { signal } = abort
  const described = describeJob(context, job, handler)

  function transaction(): HandlerTransaction {
    if (handler.transaction === 'none') {
      throw new CrossdockError(
        'transaction_forbidden',
        `handler '${handler.name}' has transaction: 'none' and used tx; remove one of the two`,
      )
    }
    refuseWhenOver()
    effects.transaction ??= context.store.openTransaction()
    return effects.transaction
  }

  function refuseWhenOver(): void {
    signal.throwIfAborted()
    if (effects.over) {
      throw new CrossdockError(
        'transaction_lost',
        'the handler has returned already; await what it starts',
      )
    }
  }

  const tx: Transaction = {
    sql: async <Row>(pieces: TemplateStringsArray, ...values: unknown[]) =>
      (await transaction().sql(pieces, values)) as Row[],
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await transaction().query(text, values)) as Row[],
    client: async () => await transaction().client(),
  }

  return {
    input,
    job: described,
    tx,
    signal,
    get log() {
      return context.log.child({ job: job.jobId, handler: handler.name })
    },
    enqueue: async (name, payload, options = {}) => {
      refuseWhenOver()
      const child = childJob(context, job, name, payload, options)
      await refuseInvalidInput(context, child)
      // It may have ended meanwhile, and this job would never be there.
      refuseWhenOver()
      effects.jobs.push(child)
      return { id: child.id }
    },
    // Nothing to wait for, and yet what it refuses is a rejection, as of every other function here.
    publish: async (address, message = {}) => {
      refuseWhenOver()
      const outgoing = publishedMessage(context, job, address, message)
      effects.jobs.push(outgoing)
      return { id: outgoing.id }
    },
    progress: (current, total, message) => {
      // Said too late it is nobody's progress any more.
      if (!effects.over && !signal.aborted) {
        onProgress({
          current: whole(current),
          total: whole(total),
          message: message?.replaceAll('\0', '').toWellFormed().slice(0, 500) ?? null,
        })
      }
      return Promise.resolve()
    },
  }
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.round(value)), INT_MAX) : 0
}

function describeJob(
  { settings }: HandlerCallContext,
  job: ClaimedJob,
  handler: Handler,
): HandlerJob {
  return {
    id: job.jobId,
    handler: job.handler,
    queue: job.queue,
    priority: job.priority,
    attempt: job.retryCount + 1,
    maxRetries: maxRetriesOf({ job, handler, settings }),
    method: job.method,
    protocol: job.protocol,
    headers: job.headers ?? {},
    metadata: job.metadata ?? {},
    contentType: job.contentType,
    tenantId: job.tenantId,
    createdBy: job.createdBy,
    parentJobId: job.parentJobId,
    correlationId: job.correlationId,
    traceparent: job.traceparent,
    createdAt: job.createdAt,
  }
}

function childJob(
  { handlers, makeId }: HandlerCallContext,
  job: ClaimedJob,
  name: string,
  payload: unknown,
  options: EnqueueOptions,
): NewJob {
  const handler = handlers.get(name)
  return {
    id: makeId(),
    handler: name,
    payload: payload === undefined ? undefined : JSON.stringify(payload),
    queue: options.queue ?? handler?.queue,
    priority: options.priority ?? handler?.priority,
    maxRetries: options.maxRetries,
    timeoutSeconds:
      options.timeoutMs === undefined ? undefined : Math.ceil(options.timeoutMs / 1000),
    name: options.name,
    description: options.description,
    scheduledAt: options.scheduledAt,
    delayMs: options.delayMs,
    uniqueKey: options.uniqueKey,
    orderingKey: options.orderingKey,
    metadata: options.metadata,
    parentJobId: job.jobId,
    tenantId: options.tenantId ?? job.tenantId ?? undefined,
    createdBy: options.createdBy ?? job.createdBy ?? undefined,
    correlationId: options.correlationId ?? job.correlationId ?? undefined,
  }
}

async function refuseInvalidInput(
  { handlers, parseInput }: HandlerCallContext,
  job: NewJob,
): Promise<void> {
  const handler = handlers.get(job.handler)
  if (handler?.input === undefined) return
  const parsed = await parseInput(handler, {
    payload: job.payload ?? null,
    contentType: null,
    payloadEncoding: null,
  })
  if (parsed.ok) return
  const list = parsed.problems.map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  )
  throw new CrossdockError(
    'input_invalid',
    `'${job.handler}' refuses this payload: ${list.join('; ')}`,
  )
}
