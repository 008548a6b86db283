import { CrossdockError } from '../domain/errors.ts'
import type { RunningAdapter } from '../ports/adapter.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { OutboundMessage, Publishing } from '../ports/outbound.ts'
import { backOffMs } from './back-off.ts'
import { shownError } from './shown-error.ts'
import { within } from './within.ts'

/** What an adapter tells of itself while it works. */
export interface UnitSignals {
  readonly connected: (isConnected: boolean) => void
  readonly failed: (error: unknown) => void
}

/** What {@link createUnit} needs. */
export interface UnitOptions {
  /** Starts the adapter for its connection, each time anew. */
  readonly start: (signals: UnitSignals) => Promise<RunningAdapter>
  readonly onConnected: (isConnected: boolean) => void
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** How a unit stands. */
export interface UnitState {
  /** `starting`: it is being started for the first time; `waiting`: it failed, and is tried again. */
  readonly phase: 'new' | 'starting' | 'running' | 'waiting' | 'stopped'
  readonly isConnected: boolean
  /** How often it failed in a row. */
  readonly failures: number
  /** Why it failed last, also once it runs again. */
  readonly lastError: string | undefined
  /** Until the next try, in milliseconds; `undefined`: none is due. */
  readonly nextTryInMs: number | undefined
}

/** An adapter at one connection, started again for ever. */
export interface AdapterUnit {
  /**
   * Begins. Resolves with the error of the first try, or `undefined` where that succeeded, or has not ended
   * within {@link FIRST_TRY_MS}; it then goes on by itself.
   */
  start(): Promise<{ readonly error: unknown } | undefined>
  state(): UnitState
  /** What runs now. */
  running(): RunningAdapter | undefined
  /** See {@link RunningAdapter.publish}; `unsent` while it does not run, `unconfirmed` where it does not say. Never rejects. */
  publish(
    publication: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  /** Waits for a start that is under way, and stops what it brings. May be called twice, and before {@link start}. */
  stop(): Promise<void>
}

/** The start of an instance waits so long for a connection, in milliseconds, and then goes on without it. */
export const FIRST_TRY_MS = 5_000

/** A start that has not ended by then is given up, in milliseconds. */
export const START_LIMIT_MS = 30_000

/** A stop that has not ended by then is given up, in milliseconds. */
export const STOP_LIMIT_MS = 10_000

/** What has run for so long has not failed in a row, in milliseconds. */
const PROVEN_MS = 30_000

/** Starts that hang: with so many of them none is added. */
const MAX_HANGING = 3

/**
 * Keeps one adapter at work. One that fails to start, hangs in its start, or says that it cannot go on is stopped
 * and started anew, ever more seldom and for ever. The log has one line when it goes and one when it is back.
 */
export function createUnit(options: UnitOptions): AdapterUnit {
  const { clock, log } = options
  let phase: UnitState['phase'] = 'new'
  let adapter: RunningAdapter | undefined
  let isConnected = false
  let failures = 0
  let lastError: string | undefined
  let nextTryAt: number | undefined
  /** Whether the log says that it is down. */
  let isTold = false
  let timer: Timer | undefined
  /** What a former start says is no concern of this one. */
  let generation = 0
  let hanging = 0
  let trying: Promise<unknown> | undefined
  let ending: Promise<void> | undefined

  function setConnected(now: boolean): void {
    if (now === isConnected) return
    isConnected = now
    options.onConnected(now)
  }

  /** Resolves with the error where it failed. */
  async function attempt(): Promise<{ readonly error: unknown } | undefined> {
    const mine = (generation += 1)
    const startedAt = clock.monotonicMs()
    const refused = Promise.withResolvers<never>()
    const failure: { isOver: boolean } = { isOver: false }
    let isConnectedNow = false
    let isHung = false
    const isRunning = (): boolean => mine === generation && phase === 'running'
    const starting = begin({
      connected: (now) => {
        isConnectedNow = now
        if (isRunning()) setConnected(now)
      },
      failed: (error) => {
        failure.isOver = true
        // Before the start has ended it is as if that had rejected; what it brings is stopped.
        refused.reject(error)
        if (isRunning()) fail(error, startedAt)
      },
    })
    try {
      const ended = Promise.race([starting, refused.promise])
      isHung = !(await within(clock, ended, START_LIMIT_MS))
      if (isHung) {
        const limit = `${START_LIMIT_MS / 1_000} s`
        throw new CrossdockError('adapter_hung', `it did not start within ${limit}`)
      }
      const started = await ended
      // Stopped meanwhile, which waits for this.
      if (isStopped()) {
        await stopAdapter(started)
        return undefined
      }
      if (failure.isOver) return await refused.promise
      run(started)
      setConnected(isConnectedNow)
      return undefined
    } catch (error) {
      const isWaiting = !isStopped()
      if (isWaiting) waitAfter(error)
      const clearing = clearAway(starting, isHung)
      // The next try waits for it, as in fail(), and a stop waits for this attempt.
      if (isWaiting) trying = clearing
      else await clearing
      return { error }
    }
  }

  /** What throws at once is a start that rejects. */
  async function begin(signals: UnitSignals): Promise<RunningAdapter> {
    return await options.start(signals)
  }

  /** Stops what a start that has failed brings; one that does not end is abandoned. */
  async function clearAway(starting: Promise<RunningAdapter>, isHung: boolean): Promise<void> {
    if (isHung || !(await within(clock, starting, STOP_LIMIT_MS))) abandon(starting)
    else await starting.then(stopAdapter, () => undefined)
  }

  /** Nobody waits for it any more; whatever it brings later is stopped. */
  function abandon(starting: Promise<RunningAdapter>): void {
    hanging += 1
    starting
      .then(stopAdapter, () => undefined)
      .finally(() => {
        hanging -= 1
      })
      .catch(() => undefined)
  }

  function run(started: RunningAdapter): void {
    if (isTold) log.info({ failures }, 'a connection works again')
    isTold = false
    phase = 'running'
    adapter = started
    nextTryAt = undefined
  }

  /** What ran cannot go on. */
  function fail(error: unknown, startedAt: number): void {
    if (clock.monotonicMs() - startedAt >= PROVEN_MS) failures = 0
    const former = adapter
    waitAfter(error)
    // The next try waits for it: two of one client id would evict each other.
    if (former !== undefined) trying = stopAdapter(former)
  }

  function waitAfter(error: unknown): void {
    generation += 1
    adapter = undefined
    failures += 1
    lastError = shownError(error)
    phase = 'waiting'
    setConnected(false)
    const delayMs = backOffMs(failures, options.random)
    if (isTold) log.debug({ err: error, failures }, 'a connection failed again')
    else log.warn({ err: error }, 'a connection failed; it is tried again, ever more seldom')
    isTold = true
    nextTryAt = clock.monotonicMs() + delayMs
    timer = clock.after(delayMs, again)
  }

  function again(): void {
    const former = trying ?? Promise.resolve()
    trying = former.then(async () => {
      if (isStopped()) return
      if (hanging < MAX_HANGING) await attempt()
      else waitAfter(new CrossdockError('adapter_hung', `${hanging} earlier starts still hang`))
    })
  }

  async function stopAdapter(started: RunningAdapter): Promise<void> {
    const stopping = (async () => started.stop())()
    stopping.catch((error: unknown) => {
      log.warn({ err: error }, 'a connection did not stop cleanly')
    })
    if (!(await within(clock, stopping, STOP_LIMIT_MS))) {
      log.warn({}, `a connection did not stop within ${STOP_LIMIT_MS / 1_000} s`)
    }
  }

  // A function, since the compiler would otherwise take `phase` for unchanged across an await.
  function isStopped(): boolean {
    return phase === 'stopped'
  }

  async function end(): Promise<void> {
    const former = adapter
    const underWay = trying
    timer?.cancel()
    phase = 'stopped'
    adapter = undefined
    nextTryAt = undefined
    if (former !== undefined) await stopAdapter(former)
    if (underWay !== undefined) await within(clock, underWay, STOP_LIMIT_MS)
    setConnected(false)
  }

  return {
    start: async () => {
      if (phase !== 'new') return undefined
      phase = 'starting'
      const first = attempt()
      trying = first
      return (await within(clock, first, FIRST_TRY_MS)) ? await first : undefined
    },
    state: () => ({
      phase,
      isConnected,
      failures: phase === 'running' ? 0 : failures,
      lastError,
      nextTryInMs:
        nextTryAt === undefined ? undefined : Math.max(0, nextTryAt - clock.monotonicMs()),
    }),
    running: () => adapter,
    publish: async (publication, messages, signal) => {
      const all = (outcome: 'unsent' | 'unconfirmed', error: string): readonly Publishing[] =>
        messages.map(() => ({ outcome, error }))
      if (adapter?.publish === undefined) return all('unsent', 'its connection does not work now')
      try {
        const answers = await adapter.publish(publication, messages, signal)
        return messages.map(
          (_, index) =>
            answers[index] ?? { outcome: 'unconfirmed', error: 'the adapter did not say' },
        )
      } catch (error) {
        return all('unconfirmed', shownError(error))
      }
    },
    stop: () => (ending ??= end()),
  }
}
