import { v7 } from 'uuid'
import { CrossdockError } from '../../domain/errors.ts'
import type { Headers, NewJob, Progress } from '../../domain/job.ts'
import type { JsonObject } from '../../domain/json.ts'
import { PROTOCOLS } from '../../domain/job-type.ts'
import { DEFAULT_RETRY_POLICY } from '../../domain/retry.ts'
import { createRegistry } from '../../handler-kit/registry.ts'
import { parseInput } from '../../handler-kit/validate-input.ts'
import type { PublicationDirectory } from '../../ports/outbound.ts'
import type { Handler } from '../../ports/handler.ts'
import type { TouchedTable } from '../../ports/rehearsal.ts'
import type { Ending } from '../../ports/store.ts'
import type { RecordedLine } from '../../worker/recorded-log.ts'
import { messageAsJob } from '../../worker/trial-job.ts'
import { tryHandler, type Trial, type TrialContext } from '../../worker/try-handler.ts'
import { payloadText } from '../payload-text.ts'
import { systemClock } from '../system-clock.ts'
import { madeMessages, type EnqueuedJob, type PublishedMessage } from '../made-messages.ts'
import { openTestDatabase, storeOf, type TestDatabase } from './test-database.ts'

/** The message that a handler is tested with, and how. */
export interface HandlerTestOptions {
  /** What is given to the handler's schema: written as JSON and read again, as a stored payload is. */
  readonly input?: unknown
  /** Instead of `input`: the payload itself, text or bytes. */
  readonly payload?: string | Uint8Array
  /** Default: JSON. */
  readonly contentType?: string
  readonly headers?: Headers
  readonly metadata?: JsonObject
  /** The broker's message key: `job.metadata.key`. */
  readonly key?: string
  /** 1 for the first attempt, the default. */
  readonly attempt?: number
  /** `job.id`; default: a new one. */
  readonly id?: string
  readonly queue?: string
  readonly priority?: number
  /** The topic, destination, event or HTTP method. */
  readonly method?: string
  readonly protocol?: string
  readonly tenantId?: string
  readonly createdBy?: string
  readonly correlationId?: string
  /** For handlers that use `tx`: the address of a server, or what {@link openTestDatabase} opened. */
  readonly database?: string | TestDatabase
  /** Other handlers, against whose schemas what is enqueued is checked. */
  readonly handlers?: readonly Handler[]
  /** Instead of the handler's own time-out; default 300 s. */
  readonly timeoutMs?: number
  /**
   * When it aborts, the handler's signal does: with its reason where that is a `CrossdockError`, else as at
   * a shutdown (`instance_stopping`).
   */
  readonly signal?: AbortSignal
  /** How long a handler may ignore its signal; default 1,000. */
  readonly graceMs?: number
}

/** What a handler did. Everything in the database was rolled back. */
export interface HandlerTest {
  /** `returned`: it was told to stop, and the job would run again, uncounted. */
  readonly outcome: Ending['kind']
  /** What it returned, as it would be stored and read again. */
  readonly result: unknown
  /** What it threw, or why its end would be refused; `undefined` where it would commit. */
  readonly error: unknown
  /** Until it would run again. */
  readonly delayMs: number | undefined
  /** What would be published with its end: nothing where that would commit nothing. */
  readonly published: readonly PublishedMessage[]
  /** What would be enqueued with its end. */
  readonly enqueued: readonly EnqueuedJob[]
  readonly progress: readonly Progress[]
  readonly logs: readonly RecordedLine[]
  /** Rows touched, table by table; `undefined` where its transaction was gone. */
  readonly touched: readonly TouchedTable[] | undefined
  /** Whether something may stand although all was rolled back: it has ended its transaction itself. */
  readonly mayHaveStayed: boolean
  readonly durationMs: number
}

/**
 * Runs a handler as a worker would, in a real transaction that is rolled back. What a commit would refuse
 * makes it fail. May be called many times at once.
 * @throws CrossdockError `usage` when the handler uses `tx` and no `database` is given; `database_unavailable`
 */
export async function testHandler<Input>(
  handler: Handler<Input>,
  options: HandlerTestOptions = {},
): Promise<HandlerTest> {
  const own = typeof options.database === 'string' ? options.database : undefined
  const opened = own === undefined ? undefined : await openTestDatabase({ url: own })
  // Timers do not keep a process alive; a test that waits for one must.
  const alive = setInterval(() => undefined, 1_000_000)
  try {
    const database = typeof options.database === 'string' ? opened : options.database
    const tested = handler as Handler
    const trial = await tryHandler(contextOf(tested, options, database), {
      job: messageAsJob(messageOf(tested, options)),
      handler: tested,
      limitMs: options.timeoutMs,
      signal: options.signal,
    })
    if (trial.withoutDatabase) {
      throw new CrossdockError(
        'usage',
        `handler '${handler.name}' uses tx: give testHandler a \`database\`, an address or what openTestDatabase() opened`,
      )
    }
    return reportOf(trial)
  } finally {
    clearInterval(alive)
    await opened?.close()
  }
}

/** A test has no configuration: whatever has the form of an address may be published to. */
const ANY_PUBLICATION: PublicationDirectory = {
  find: (address) => {
    const [prefix, ...rest] = address.split(':')
    const protocol = PROTOCOLS.find((one) => one === prefix)
    const name = rest.join(':')
    return protocol === undefined || name === '' ? undefined : { protocol, name }
  },
  closest: () => undefined,
}

function contextOf(
  handler: Handler,
  { handlers = [], graceMs = 1_000 }: HandlerTestOptions,
  database: TestDatabase | undefined,
): TrialContext {
  return {
    store: database === undefined ? undefined : storeOf(database),
    handlers: createRegistry([handler, ...handlers]),
    publications: ANY_PUBLICATION,
    parseInput,
    clock: systemClock,
    makeId: v7,
    random: Math.random,
    settings: { graceMs, maxRetries: 3, retry: DEFAULT_RETRY_POLICY, timeoutMs: 300_000 },
  }
}

function messageOf(handler: Handler, options: HandlerTestOptions) {
  const { id = v7(), input, payload, key, metadata } = options
  if (input !== undefined && payload !== undefined) {
    throw new CrossdockError('usage', 'testHandler takes `input` or `payload`, not both')
  }
  return {
    queue: handler.queue,
    priority: handler.priority,
    ...options,
    id,
    handler: handler.name,
    ...storedPayload(payload ?? JSON.stringify(input)),
    metadata: key === undefined ? metadata : { ...metadata, key },
  }
}

function storedPayload(payload: string | Uint8Array | undefined): {
  readonly payload: string | null
  readonly payloadEncoding?: NewJob['payloadEncoding']
} {
  if (typeof payload === 'string') return { payload }
  return payload === undefined ? { payload: null } : payloadText(payload)
}

function reportOf(trial: Trial): HandlerTest {
  const { ending, error, made, progress, logs, rehearsal, durationMs } = trial
  const stored = ending.kind === 'completed' ? ending.result : null
  return {
    outcome: ending.kind,
    result: stored === null ? undefined : JSON.parse(stored),
    error: ending.kind === 'cancelled' ? ending.reason : error,
    delayMs: 'delayMs' in ending ? ending.delayMs : undefined,
    ...madeMessages(made),
    progress,
    logs,
    touched: rehearsal.touched?.tables,
    mayHaveStayed: rehearsal.mayHaveStayed,
    durationMs,
  }
}
