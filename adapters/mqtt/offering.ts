import { CrossdockError, errorMessage, isCrossdockError } from '../../src/domain/errors.ts'
import type { Delivery, MessageSink } from '../../src/ports/adapter.ts'
import type { Flow } from '../../src/ports/flow.ts'
import type { Log } from '../../src/ports/log.ts'
import type { HeldMessage } from './held-messages.ts'

/** What {@link createOffering} needs. */
export interface OfferingOptions {
  readonly sink: MessageSink
  readonly flow: Flow
  /** Before each call: what must be in the database by then. */
  readonly before: () => Promise<void>
  /** Whether the broker has what is left here when it ends. */
  readonly isDurable: boolean
  /** These are settled: stored, or need not be. */
  readonly settled: (messages: readonly HeldMessage[]) => void
  readonly log: Log
}

/** Brings held messages to the database, each until it is taken. */
export interface Offering {
  add(held: HeldMessage): void
  /**
   * Offers what waits, once more, and waits for what is under way. Ends it. What the broker does not keep is
   * offered whatever the flow says.
   */
  finish(): Promise<void>
}

/** Messages of one call. */
const MAX_BATCH = 500
/** Calls under way: one that waits for a key that somebody holds does not keep the others waiting. */
const MAX_CALLS = 4
const FIRST_REST_MS = 250
const LONGEST_REST_MS = 5_000

/**
 * Offers messages in batches, in the order of arrival. What is refused is offered again after a while, for the
 * broker would send it again only on another connection; messages of the same topic wait for it meanwhile, and
 * a topic is in one call at a time, so that its order is kept.
 */
export function createOffering({
  sink,
  flow,
  before,
  isDurable,
  settled,
  log,
}: OfferingOptions): Offering {
  let waiting: HeldMessage[] = []
  /** Refused, until their time comes. */
  const resting = new Set<HeldMessage>()
  /** How many messages of a topic are in a call, or rest. */
  const busyTopics = new Map<string, number>()
  const calls = new Set<Promise<void>>()
  const timers = new Set<NodeJS.Timeout>()
  /** Consecutive calls that found no database: nothing is offered until the rest after them is over. */
  let outages = 0
  /** Asks again whether the flow is open; one, however much arrives meanwhile. */
  let reopening: NodeJS.Timeout | undefined
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
    while (calls.size < MAX_CALLS && waiting.length > 0) {
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
      calls.add(call)
    }
  }

  function takeBatch(): readonly HeldMessage[] {
    const batch: HeldMessage[] = []
    const left: HeldMessage[] = []
    // Behind one that was refused, which may be again.
    const kept = new Set<string>()
    for (const held of waiting) {
      const { topic } = held
      if (batch.length >= MAX_BATCH || busyTopics.has(topic) || kept.has(topic)) left.push(held)
      else {
        batch.push(held)
        if (held.refusals > 0) kept.add(topic)
      }
    }
    waiting = left
    for (const { topic } of batch) busyTopics.set(topic, (busyTopics.get(topic) ?? 0) + 1)
    return batch
  }

  async function offer(batch: readonly HeldMessage[]): Promise<void> {
    let deliveries: readonly Delivery[]
    try {
      await before()
      deliveries = await sink.deliver(
        batch.map(({ message }) => message),
        { onInvalid: 'dead' },
      )
      outages = 0
    } catch (error) {
      deliveries = batch.map(() => ({ outcome: 'refused', error: asCrossdockError(error) }))
      if (isOutage(error)) pause(error)
    }
    const done = batch.filter((held, index) => {
      const delivery = deliveries[index]
      if (delivery !== undefined && delivery.outcome !== 'refused') return true
      rest(held, delivery?.error)
      return false
    })
    for (const { topic } of done) free(topic)
    settled(done)
  }

  function rest(held: HeldMessage, error: unknown): void {
    held.refusals += 1
    if (held.refusals === 1 && !isOutage(error)) {
      log.warn(
        { topic: held.topic, err: error },
        'a message is not stored yet, and is offered again',
      )
    }
    resting.add(held)
    after(Math.min(FIRST_REST_MS * 2 ** (held.refusals - 1), LONGEST_REST_MS), () => {
      wake(held)
    })
  }

  function wake(held: HeldMessage): void {
    if (!resting.delete(held)) return
    free(held.topic)
    // Others of its topic came later, and still wait.
    waiting = [...waiting, held].sort((a, b) => a.place - b.place)
    schedule()
  }

  function wakeAll(): void {
    for (const held of resting) wake(held)
  }

  /** They are lost, but those behind them on their topics need not be. */
  function giveUpResting(): void {
    for (const { topic } of resting) free(topic)
    resting.clear()
  }

  function pause(error: unknown): void {
    if (outages === 0) {
      log.warn({ reason: errorMessage(error) }, 'messages are held until they can be stored')
    }
    outages += 1
    isPaused = true
    after(Math.min(FIRST_REST_MS * 2 ** (outages - 1), LONGEST_REST_MS), () => {
      isPaused = false
      schedule()
    })
  }

  function free(topic: string): void {
    const left = (busyTopics.get(topic) ?? 0) - 1
    if (left > 0) busyTopics.set(topic, left)
    else busyTopics.delete(topic)
  }

  function askAgain(delayMs: number): void {
    reopening ??= after(delayMs, () => {
      reopening = undefined
      schedule()
    })
  }

  function after(delayMs: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, delayMs)
    timers.add(timer)
    return timer
  }

  return {
    add: (held) => {
      waiting.push(held)
      schedule()
    },
    finish: async () => {
      isFinishing = true
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      // What is under way may be refused as well, and is offered once more like the others.
      await Promise.all(calls)
      wakeAll()
      pump()
      while (calls.size > 0) {
        await Promise.all(calls)
        if (!isDurable) giveUpResting()
        pump()
      }
      isFinished = true
      stopListening()
      for (const timer of timers) clearTimeout(timer)
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
