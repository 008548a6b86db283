import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { OutboundMessage, Publish, Publishing } from '../ports/outbound.ts'

/** Gathers messages of one publication, and publishes them by batches. */
export interface PublishBatches {
  /**
   * What became of one message. Never rejects.
   * @param signal aborts when nobody waits for this message any more
   */
  publish(message: OutboundMessage, signal: AbortSignal): Promise<Publishing>
  /** Messages on their way. */
  inFlight(): number
}

/** What {@link createPublishBatches} needs. */
export interface PublishBatchesOptions {
  /** Who publishes now; `undefined`: nobody. */
  readonly publisher: () => Publish | undefined
  /** Messages of one batch, at most; with 1 each leaves by itself, at once. */
  readonly maxMessages: number
  /** How long the far side may take to confirm. */
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Entry {
  readonly message: OutboundMessage
  readonly signal: AbortSignal
  readonly resolve: (publishing: Publishing) => void
}

/** Bytes of one batch; a larger message goes alone. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024

/**
 * For so long the next batch gathers while one is on its way, in milliseconds; then it goes beside it. A message that
 * the far side lets hang holds up nobody else.
 */
const GATHER_MS = 20

/** What an adapter has beyond the far side's time to say by itself that it was reached, in milliseconds. */
const SILENCE_MS = 2_000

/** Alone a message waits for nothing; while a batch is on its way the next one gathers. */
export function createPublishBatches(options: PublishBatchesOptions): PublishBatches {
  const { publisher, maxMessages, timeoutMs, clock } = options
  let queue: Entry[] = []
  let underWay = 0
  let inFlight = 0
  let isPlanned = false
  let gathering: Timer | undefined

  function plan(): void {
    if (queue.length === 0 || isPlanned) return
    if (underWay === 0 || queue.length >= maxMessages) {
      isPlanned = true
      // What comes in the same turn of the event loop goes together.
      queueMicrotask(() => {
        isPlanned = false
        send()
      })
    } else {
      gathering ??= clock.after(GATHER_MS, () => {
        gathering = undefined
        send()
      })
    }
  }

  function send(): void {
    gathering?.cancel()
    gathering = undefined
    const batch = take()
    if (batch.length > 0) {
      underWay += 1
      void settle(batch).finally(() => {
        underWay -= 1
        plan()
      })
    }
    plan()
  }

  function take(): readonly Entry[] {
    let bytes = 0
    let count = 0
    for (const { message } of queue) {
      bytes += message.payload.byteLength
      if (count > 0 && (count >= maxMessages || bytes > MAX_BATCH_BYTES)) break
      count += 1
    }
    const taken = queue.slice(0, count)
    queue = queue.slice(count)
    // Nobody waits for these any more, and they have not left.
    return taken.filter(({ signal }) => !signal.aborted)
  }

  async function settle(batch: readonly Entry[]): Promise<void> {
    const publish = publisher()
    if (publish === undefined) {
      for (const { resolve } of batch) resolve(UNSENT)
      return
    }
    const abort = new AbortController()
    let waiting = batch.length
    const onAbort = (): void => {
      waiting -= 1
      if (waiting === 0) abort.abort(new CrossdockError('instance_stopping', 'nobody waits'))
    }
    for (const { signal } of batch) signal.addEventListener('abort', onAbort, { once: true })
    const silence = clock.after(timeoutMs + SILENCE_MS, () => {
      const error = `not confirmed within ${timeoutMs / 1000} s`
      for (const { resolve } of batch) resolve({ outcome: 'unconfirmed', error })
      abort.abort(new CrossdockError('publication_failed', error))
    })
    try {
      const results = await publish(
        batch.map(({ message }) => message),
        abort.signal,
      )
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] ?? UNSAID)
      })
    } catch (error) {
      // What an adapter throws says nothing of what has left already.
      const text = `the adapter failed: ${errorMessage(error)}`
      for (const { resolve } of batch) resolve({ outcome: 'unconfirmed', error: text })
    } finally {
      silence.cancel()
      for (const { signal } of batch) signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    publish: (message, signal) =>
      new Promise((resolve) => {
        inFlight += 1
        let isSettled = false
        queue.push({
          message,
          signal,
          resolve: (publishing) => {
            if (isSettled) return
            isSettled = true
            inFlight -= 1
            signal.removeEventListener('abort', onAbort)
            resolve(publishing)
          },
        })
        const entry = queue.at(-1)
        const onAbort = (): void => {
          entry?.resolve({ outcome: 'unconfirmed', error: 'nobody waited for the confirmation' })
        }
        signal.addEventListener('abort', onAbort, { once: true })
        plan()
      }),
    inFlight: () => inFlight,
  }
}

const UNSENT: Publishing = { outcome: 'unsent', error: 'its connection does not work' }

const UNSAID: Publishing = {
  outcome: 'unconfirmed',
  error: 'the adapter did not say what became of it',
}
