import { pauseMs } from '../../../src/domain/back-off.ts'
import { CrossdockError, errorMessage } from '../../../src/domain/errors.ts'
import type { AdapterHealth } from '../../../src/ports/adapter.ts'
import type { Timer } from '../../../src/ports/clock.ts'
import type { KafkaDriver } from '../driver.ts'
import { watchLag, type LagWatch, type WatchedLag } from './lag-watch.ts'
import { receiverHealth } from './receiver-health.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'

/** What {@link openReceiver} needs. */
export interface ReceiverOptions extends Omit<SessionOptions, 'driver' | 'clusterId' | 'failed'> {
  readonly driver: Pick<KafkaDriver, 'consumer' | 'metadata'>
  /** How often it looks whether the consumer lives, and how far behind it is, in milliseconds; default 5 s. */
  readonly lookMs?: number
}

/** One subscription at work, for ever. */
export interface Receiver {
  health(): AdapterHealth
  /** How far behind its partitions are, as far as this instance has them. */
  lags(): readonly WatchedLag[]
  /** May be called twice. */
  stop(): Promise<void>
}

const LOOK_MS = 5_000
const REST = { firstMs: 500, longestMs: 30_000 }
/** What has run for so long has not failed in a row. */
const PROVEN_MS = 30_000
/** A partition that has records, holds none, and has not moved for so long is one that nobody reads. */
const STUCK_MS = 120_000

/**
 * Makes a consumer, and another one whenever that has failed, has fallen silent, or has stopped reading: the library may do
 * each without a word.
 */
export function openReceiver(options: ReceiverOptions): Receiver {
  const { driver, server, settings, subscription, clock, log } = options
  const silenceMs = settings.sessionTimeoutMs + settings.rebalanceTimeoutMs
  let session: Session | undefined
  let watch: LagWatch | undefined
  let problem: string | undefined
  let failures = 0
  let timer: Timer | undefined
  let watchdog: Timer | undefined
  let work: Promise<void> = Promise.resolve()
  let isStopped = false

  async function begin(): Promise<void> {
    if (isStopped) return
    const startedAt = clock.monotonicMs()
    let hasFailed = false
    const fail = (error: unknown): void => {
      if (hasFailed) return
      hasFailed = true
      if (clock.monotonicMs() - startedAt > PROVEN_MS) failures = 0
      again(error)
    }
    try {
      const { clusterId } = await driver.metadata(server)
      const one = openSession({ ...options, clusterId, failed: fail })
      session = one
      watch = watchLag({
        session: one,
        everyMs: options.lookMs ?? LOOK_MS,
        looked: (lags) => {
          if (isStuck(one, lags)) fail(silent('has records and reads none'))
        },
        clock,
        log,
      })
      guard(one, fail)
      // It may take for ever, and the watchdog with it: what else is to be done does not wait.
      one.start().then(() => {
        if (!hasFailed) recovered()
      }, fail)
    } catch (error) {
      fail(error)
    }
  }

  function recovered(): void {
    if (problem !== undefined) log.info({ failures }, 'a subscription takes messages in again')
    problem = undefined
  }

  function guard(one: Session, fail: (error: unknown) => void): void {
    watchdog?.cancel()
    watchdog = clock.after(options.lookMs ?? LOOK_MS, () => {
      if (one !== session) return
      if (one.silentMs() > silenceMs)
        fail(silent(`was silent for ${Math.round(silenceMs / 1_000)} s`))
      else guard(one, fail)
    })
  }

  function isStuck(one: Session, lags: readonly WatchedLag[]): boolean {
    if (subscription.flow.closed() !== undefined) return false
    const idle = new Set(
      one
        .partitions()
        .filter(({ count }) => count === 0)
        .map(({ key }) => key),
    )
    return lags.some(
      ({ topic, partition, waiting, stillMs }) =>
        (waiting ?? 0) > 0 && stillMs > STUCK_MS && idle.has(`${topic}/${partition}`),
    )
  }

  function again(error: unknown): void {
    if (isStopped) return
    const reason = errorMessage(error)
    if (problem === undefined) log.warn({ reason }, 'a subscription failed; it is begun anew')
    log.debug({ err: error }, 'why it failed')
    problem = reason
    failures += 1
    work = end(session, true)
    timer = clock.after(pauseMs(REST, failures), () => {
      // Two consumers of one process would share the partitions between them.
      work = work.then(begin)
    })
  }

  async function end(former: Session | undefined, hasFailed: boolean): Promise<void> {
    watch?.stop()
    watch = undefined
    watchdog?.cancel()
    session = undefined
    await former?.stop(hasFailed).catch((error: unknown) => {
      log.debug({ reason: errorMessage(error) }, 'a consumer did not stop cleanly')
    })
  }

  work = begin()
  let stopping: Promise<void> | undefined
  return {
    health: () =>
      receiverHealth({ session, problem, lags: watch?.lags() ?? [], flow: subscription.flow }),
    lags: () => watch?.lags() ?? [],
    stop: () =>
      (stopping ??= (async () => {
        isStopped = true
        timer?.cancel()
        await work
        await end(session, false)
      })()),
  }
}

function silent(what: string): CrossdockError {
  return new CrossdockError('adapter_hung', `its consumer ${what}`)
}
