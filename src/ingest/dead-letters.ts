import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import { PROTOCOLS } from '../domain/job-type.ts'
import type { Job, NewJob } from '../domain/job.ts'
import { replayMetadata } from '../domain/replay.ts'
import type { MakeId } from '../ports/clock.ts'
import type {
  DeadLetterRequest,
  DeadLetters,
  Replay,
  ReplayOptions,
  ReplayRefusal,
} from '../ports/dead-letters.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import type { InsertOutcome, Store } from '../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { replayKey } from './inbox-key.ts'
import { mapMessages } from './map-messages.ts'
import { inputProblems, messageRows } from './message-rows.ts'
import { receivedMessage } from './received-message.ts'
import { createReplayAll } from './replay-all.ts'
import { routeMessages } from './route-messages.ts'
import type { SubscriptionSettings } from './subscription-settings.ts'

/** What {@link createDeadLetters} needs. */
export interface DeadLettersOptions {
  readonly subscriptions: readonly SubscriptionSettings[]
  readonly mappings: Mappings
  readonly handlers: HandlerRegistry
  readonly parseInput: ParseInput
  readonly commit: Pick<GroupCommit, 'addTogether'>
  readonly store: Pick<Store, 'findJob' | 'deadLetters'>
  readonly makeId: MakeId
  /** Milliseconds since 1970. */
  readonly now: () => number
}

type Refused = Extract<Replay, { readonly outcome: 'refused' }>

/** Dead letters, and the way back for them. Works beside any number of others on the same database. */
export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { mappings, handlers, parseInput, commit, store, makeId, now } = options
  const subscriptions = new Map(options.subscriptions.map((each) => [each.name, each]))

  async function replayedAs(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await store.deadLetters.jobsByKey(ids.map(replayKey))
    return new Map(
      ids.flatMap((id) => {
        const jobId = found.get(replayKey(id))
        return jobId === undefined ? [] : [[id, jobId] as const]
      }),
    )
  }

  async function replay(id: string, how: ReplayOptions = {}): Promise<Replay> {
    const job = await store.findJob(id)
    if (job === undefined) return refused('job_not_found', `There is no job '${id}'.`)
    if (!isDead(job)) {
      return refused(
        'not_a_dead_letter',
        `The job '${id}' is ${job.status}, and no dead letter: only what failed for good is replayed.`,
      )
    }
    if (how.force !== true) {
      const earlier = (await replayedAs([id])).get(id)
      if (earlier !== undefined) return alreadyReplayed(id, earlier)
    }
    const rows = isMessage(job) ? await rowsOfMessage(job, how) : [jobAgain(job, how)]
    if (!Array.isArray(rows)) return rows as Refused
    if (how.dryRun === true) return { outcome: 'replayable', jobs: rows.length }
    return await stored(id, rows as readonly NewJob[])
  }

  /** Through the subscription as it is now, as if it had come now. */
  async function rowsOfMessage(
    job: Job,
    { force = false }: ReplayOptions,
  ): Promise<readonly NewJob[] | Refused> {
    const message = receivedMessage(job)
    if (message === undefined) {
      return refused('body_not_kept', `The body of the message '${job.id}' was not kept.`)
    }
    const subscription = subscriptions.get(message.subscription)
    if (subscription === undefined) {
      return refused(
        'subscription_unknown',
        `The configuration here has no subscription '${message.subscription}', by which the message came in.`,
      )
    }
    const receivedAtMs = now()
    const mapped = await mapMessages([message], subscription, mappings, receivedAtMs)
    const [result] = await routeMessages([message], mapped, subscription, mappings, receivedAtMs)
    if (result === undefined || result.outcome === 'filtered') return filtered(subscription.name)
    if (result.outcome === 'invalid') {
      return {
        ...refused('invalid', `It is still invalid: ${result.reason}.`),
        problems: result.problems,
      }
    }
    const source = { message, subscription, replay: { jobId: job.id, force } }
    const rows = messageRows(source, result, { handlers, makeId })
    const [first] = rows
    if (first === undefined) return filtered(subscription.name)
    const problems = await inputProblems(first, { handlers, parseInput })
    if (problems.length === 0) return rows
    return { ...refused('invalid', 'Its handler still refuses its input.'), problems }
  }

  function jobAgain(job: Job, { force = false }: ReplayOptions): NewJob {
    const base64 = job.payloadEncoding === 'base64' ? 'base64' : undefined
    return {
      id: makeId(),
      handler: job.handler,
      queue: job.queue,
      name: job.name ?? undefined,
      description: job.description ?? undefined,
      type: job.type,
      method: job.method ?? undefined,
      protocol: PROTOCOLS.find((one) => one === job.protocol),
      direction: job.direction,
      metadata: { ...job.metadata, ...replayMetadata(job.id) },
      payload: job.payload ?? undefined,
      contentType: job.contentType ?? undefined,
      payloadEncoding: base64,
      headers: job.headers ?? undefined,
      priority: job.priority,
      maxRetries: job.maxRetries ?? undefined,
      timeoutSeconds: job.timeoutSeconds ?? undefined,
      parentJobId: job.id,
      dedupeKey: force ? undefined : replayKey(job.id),
      orderingKey: job.orderingKey ?? undefined,
      tenantId: job.tenantId ?? undefined,
      createdBy: job.createdBy ?? undefined,
      traceparent: job.traceparent ?? undefined,
      correlationId: job.correlationId ?? undefined,
    }
  }

  async function stored(id: string, rows: readonly NewJob[]): Promise<Replay> {
    let outcome: InsertOutcome
    try {
      outcome = await commit.addTogether(rows)
    } catch (error) {
      if (!isCrossdockError(error, 'database_data', 'database_constraint', 'payload_too_large')) {
        throw error
      }
      return refused('not_storable', `The database does not take it: ${error.message}`)
    }
    const { jobId } = outcome
    if (outcome.outcome === 'stored') return { outcome: 'replayed', jobId, jobs: rows.length }
    const found = await store.findJob(jobId)
    if (found === undefined) {
      throw new CrossdockError('database_retryable', `the job ${jobId} was removed meanwhile`, {
        retryable: true,
      })
    }
    if (found.parentJobId === id) return alreadyReplayed(id, jobId)
    const message = `Its message is the job '${jobId}' already, which has the same inbox key.`
    return { ...refused('duplicate', message), jobId }
  }

  return {
    list: async (request) => {
      const { rows, next } = await store.deadLetters.find(
        withoutAddress({ ...request, order: 'latest' }),
      )
      const jobs = await replayedAs(rows.map(({ id }) => id))
      return { rows: rows.map((row) => ({ ...row, replayedAs: jobs.get(row.id) })), next }
    },
    show: async (id) => {
      const job = await store.findJob(id)
      if (job === undefined || !isDead(job)) return undefined
      return { job, replayedAs: (await replayedAs([id])).get(id) }
    },
    replay,
    replayAll: createReplayAll({
      store: { find: (request) => store.deadLetters.find(withoutAddress(request)) },
      replay,
      replayedAs,
    }),
  }
}

function isDead({ status, deadReason }: Job): boolean {
  return status === 'failed' && deadReason !== null
}

/** A message that could not be stored as asked: it never ran. */
function isMessage({ direction, startedAt, metadata }: Job): boolean {
  return (
    direction === 'inbound' && startedAt === null && typeof metadata?.['subscription'] === 'string'
  )
}

function refused(reason: ReplayRefusal, message: string): Refused {
  return { outcome: 'refused', reason, message }
}

function alreadyReplayed(id: string, jobId: string): Refused {
  const message = `The dead letter '${id}' was replayed already, as the job '${jobId}'.`
  return { ...refused('already_replayed', message), jobId }
}

function filtered(subscription: string): Refused {
  return refused('filtered', `The filters of '${subscription}' do not want it now.`)
}

/** A subscription may be named by its address, as it is everywhere else. */
function withoutAddress(request: DeadLetterRequest): DeadLetterRequest {
  const [protocol, ...rest] = (request.filter.subscription ?? '').split(':')
  if (rest.length === 0 || !PROTOCOLS.some((known) => known === protocol)) return request
  return { ...request, filter: { ...request.filter, protocol, subscription: rest.join(':') } }
}
