import { pauseMs } from '../domain/back-off.ts'
import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { Delivery, MessageSink } from '../ports/adapter.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Offered, Offering, OfferingOptions, Settled } from '../ports/offering.ts'
import { type Entry, WaitingLines } from './waiting-lines.ts'

/** What an instance gives to every offering. */
export interface OfferingParts {
  readonly sink: MessageSink
  readonly clock: Clock
}

/** Messages of one call. */
const MAX_BATCH = 500
/** Calls under way: one that waits for a key that somebody holds does not keep the others waiting. */
const MAX_CALLS = 4
const REST = { firstMs: 250, longestMs: 5_000 }

/** Makes an offering: see {@link import('../ports/offering.ts').MakeOffering}. */
export function createOffering<Held extends Offered>(
  { sink, clock }: OfferingParts,
  options: OfferingOptions<Held>,
): Offering<Held> {
  const { flow, isDurable, log, maxBatch = MAX_BATCH } = options
  const waiting = new WaitingLines<Held>()
  /** Refused, until their time comes. */
  const resting = new Set<Entry<Held>>()
  /** How many messages of a line are in a call, or rest. */
  const busyLines = new Map<string, number>()
  const calls = new Map<Promise<void>, readonly Entry<Held>[]>()
  const timers = new Set<Timer>()
  /** Those for whom calls are still waited for: what is refused meanwhile is let go at once. */
  const drops = new Set<(held: Held) => boolean>()
  let places = 0
  /** Consecutive calls that found no database: nothing is offered until the rest after them is over. */
  let outages = 0
  /** Asks again whether the flow is open; one, however much arrives meanwhile. */
  let reopening: Timer | undefined
  let isPaused = false
  let isScheduled = false
  let isFinished = false
  let isFinishing = false

  const stopListening = flow.onChange(schedule)

  // What arrived in one piece goes together.
  function schedule(): void {
    if (isScheduled || isFinished) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      pump()
    })
  }

  function pump(): void {
    while (calls.size < MAX_CALLS && !waiting.isEmpty) {
      const closed = isFinishing && !isDurable ? undefined : flow.closed()
      if (closed !== undefined) {
        if (!isFinishing) askAgain(closed.retryAfterMs)
        return
      }
      if (isPaused && !isFinishing) return
      const batch = takeBatch()
      if (batch.length === 0) return
      const call = offer(batch).finally(() => {
        calls.delete(call)
        schedule()
      })
      calls.set(call, batch)
    }
  }

  function takeBatch(): readonly Entry<Held>[] {
    const batch = waiting.take(maxBatch, (line) => busyLines.has(line))
    for (const { held } of batch) busyLines.set(held.line, (busyLines.get(held.line) ?? 0) + 1)
    return batch
  }

  async function offer(batch: readonly Entry<Held>[]): Promise<void> {
    let deliveries: readonly Delivery[]
    try {
      await options.before?.()
      deliveries = await sink.deliver(
        batch.map(({ held }) => held.message),
        { onInvalid: 'dead' },
      )
      outages = 0
    } catch (error) {
      deliveries = batch.map(() => ({ outcome: 'refused', error: asCrossdockError(error) }))
      if (isOutage(error)) pause(error)
    }
    const settled: Settled<Held>[] = []
    batch.forEach((entry, index) => {
      const delivery = deliveries[index]
      if (delivery === undefined || delivery.outcome === 'refused') rest(entry, delivery?.error)
      else settled.push({ held: entry.held, delivery })
    })
    for (const { held } of settled) free(held.line)
    told(() => {
      options.settled(settled)
    })
  }

  function rest(entry: Entry<Held>, error: unknown): void {
    entry.refusals += 1
    if (entry.refusals === 1) {
      told(() => options.refused?.(entry.held))
      if (!isOutage(error)) {
        const { line } = entry.held
        log.warn({ line, err: error }, 'a message is not stored yet, and is offered again')
      }
    }
    if ([...drops].some((isDropped) => isDropped(entry.held))) {
      free(entry.held.line)
      return
    }
    resting.add(entry)
    after(pauseMs(REST, entry.refusals), () => {
      wake(entry)
    })
  }

  /** What an adapter does with it must not end the offering, nor the process. */
  function told(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      log.error({ err: error }, 'an adapter failed when it was told what became of its messages')
    }
  }

  function wake(entry: Entry<Held>): void {
    if (!resting.delete(entry)) return
    free(entry.held.line)
    waiting.putBack(entry)
    schedule()
  }

  function wakeAll(): void {
    for (const entry of resting) wake(entry)
  }

  /** They are let go, but those behind them on their lines need not be. */
  function giveUpResting(isGivenUp: (held: Held) => boolean): void {
    for (const entry of resting) {
      if (!isGivenUp(entry.held)) continue
      resting.delete(entry)
      free(entry.held.line)
    }
  }

  function pause(error: unknown): void {
    if (outages === 0) {
      log.warn({ reason: errorMessage(error) }, 'messages are held until they can be stored')
    }
    outages += 1
    isPaused = true
    after(pauseMs(REST, outages), () => {
      isPaused = false
      schedule()
    })
  }

  function free(line: string): void {
    const left = (busyLines.get(line) ?? 0) - 1
    if (left > 0) busyLines.set(line, left)
    else busyLines.delete(line)
  }

  function askAgain(delayMs: number): void {
    reopening ??= after(delayMs, () => {
      reopening = undefined
      schedule()
    })
  }

  function after(delayMs: number, run: () => void): Timer {
    const timer = clock.after(delayMs, () => {
      timers.delete(timer)
      run()
    })
    timers.add(timer)
    return timer
  }

  function cancelTimers(): void {
    for (const timer of timers) timer.cancel()
    timers.clear()
  }

  return {
    add: (held) => {
      waiting.add({ held, place: places, refusals: 0 })
      places += 1
      schedule()
    },
    drop: async (isDropped) => {
      waiting.drop(isDropped)
      giveUpResting(isDropped)
      drops.add(isDropped)
      const concerned = [...calls].filter(([, batch]) => batch.some(({ held }) => isDropped(held)))
      await Promise.all(concerned.map(([call]) => call))
      drops.delete(isDropped)
      waiting.drop(isDropped)
      schedule()
    },
    finish: async () => {
      isFinishing = true
      cancelTimers()
      // What is under way may be refused as well, and is offered once more like the others.
      await Promise.all(calls.keys())
      wakeAll()
      pump()
      while (calls.size > 0) {
        await Promise.all(calls.keys())
        if (!isDurable) giveUpResting(() => true)
        pump()
      }
      isFinished = true
      stopListening()
      cancelTimers()
    },
  }
}

/** Whether every other message would meet the same. */
function isOutage(error: unknown): boolean {
  return isCrossdockError(error, 'database_unavailable', 'mapping_unavailable', 'instance_stopping')
}

function asCrossdockError(error: unknown): CrossdockError {
  return isCrossdockError(error)
    ? error
    : new CrossdockError('database_error', errorMessage(error), { cause: error })
}
