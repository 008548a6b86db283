import type { AdapterContext, AdapterSubscription, MessageSink } from '../../src/ports/adapter.ts'
import type { InboundMessage } from '../../src/domain/message.ts'
import type { Json } from '../../src/domain/json.ts'
import type { Log } from '../../src/ports/log.ts'
import type { Offered } from '../../src/ports/offering.ts'
import { answerTo, notStored, RefusedCall } from './answers.ts'
import type { Call } from './call-protocol.ts'
import { inboundEvent } from './inbound-event.ts'
import type { SignalrSubscriptionOptions } from './options/subscription.ts'

/** What {@link openIntake} needs. */
export interface IntakeOptions {
  readonly subscription: AdapterSubscription<SignalrSubscriptionOptions>
  readonly sink: MessageSink
  readonly makeOffering: AdapterContext<unknown>['makeOffering']
  readonly log: Log
}

/** Events of one subscription, from the hub to the commit. */
export interface Intake {
  /**
   * Stores what a hub waits for. Resolves with the answer after the COMMIT.
   * @throws RefusedCall when it is not stored: the hub knows, and may send it again
   */
  answer(call: Call): Promise<Json>
  /** Holds what nobody waits for until it is stored; beyond the limits it is lost. */
  take(call: Call): void
  /** What is wrong, in words; `undefined`: nothing. */
  problem(): string | undefined
  /** Events that were lost since the start. */
  lost(): number
  /** Answers nothing new, and waits for what is being answered. */
  finishAnswers(): Promise<void>
  /** Offers what is held once more, whatever the flow says: nobody else has it. Ends it. */
  finish(): Promise<void>
}

/** An event that is held. */
interface HeldEvent extends Offered {
  readonly bytes: number
}

/** What an event costs beside its body, roughly. */
const OVERHEAD_BYTES = 500

/** Opens the intake of a subscription. */
export function openIntake({ subscription, sink, makeOffering, log }: IntakeOptions): Intake {
  const { flow, options } = subscription
  const answers = new Set<Promise<unknown>>()
  let count = 0
  let bytes = 0
  let lost = 0
  let isFull = false
  let isStopping = false

  const offering = makeOffering<HeldEvent>({
    flow,
    // The hub keeps nothing.
    isDurable: false,
    settled: (settled) => {
      for (const { held } of settled) letGo(held.bytes)
    },
    log,
  })

  function letGo(size: number): void {
    count -= 1
    bytes -= size
    // Half of the room first: at the limit itself it would be said for each event anew.
    if (isFull && count <= options.max_held / 2 && bytes <= options.max_held_bytes / 2) {
      isFull = false
      log.info({ lost }, 'events are held again, and no longer lost')
    }
  }

  function hasRoom(size: number): boolean {
    return count < options.max_held && bytes + size <= options.max_held_bytes
  }

  async function store(call: Call): Promise<Json> {
    if (isStopping) throw notStored('the program stops')
    const closed = flow.closed()
    if (closed !== undefined) {
      throw notStored(
        `the subscription takes nothing in (${closed.reason}); ask again in ${closed.retryAfterMs} ms`,
      )
    }
    const message = inboundEvent(call, subscription)
    const size = OVERHEAD_BYTES + message.body.byteLength
    if (!hasRoom(size)) throw notStored('too many events wait to be stored')
    count += 1
    bytes += size
    try {
      const [delivery] = await sink.deliver([message], { onInvalid: 'reject' })
      if (delivery === undefined) throw notStored('nothing was said of it')
      return answerTo(delivery, options.result)
    } catch (error) {
      throw error instanceof RefusedCall ? error : notStored(error)
    } finally {
      letGo(size)
    }
  }

  /** `undefined`: JSON cannot say it, such as lists within lists beyond all measure. Nobody would hear of it. */
  function messageOf(call: Call): InboundMessage | undefined {
    try {
      return inboundEvent(call, subscription)
    } catch (error) {
      lost += 1
      log.error({ err: error }, 'an event is lost: it cannot be written as JSON')
      return undefined
    }
  }

  return {
    answer: (call) => {
      const answer = store(call).finally(() => answers.delete(answer))
      answers.add(answer)
      return answer
    },
    take: (call) => {
      const message = messageOf(call)
      if (message === undefined) return
      const size = OVERHEAD_BYTES + message.body.byteLength
      if (!hasRoom(size)) {
        lost += 1
        if (!isFull) log.error({ held: count, bytes }, 'events are lost: no more can be held')
        isFull = true
        return
      }
      count += 1
      bytes += size
      offering.add({ message, line: '', bytes: size })
    },
    problem: () =>
      isFull ? `${count} events wait to be stored, and what comes meanwhile is lost` : undefined,
    lost: () => lost,
    finishAnswers: async () => {
      isStopping = true
      await Promise.allSettled(answers)
    },
    finish: async () => {
      await offering.finish()
      if (count > 0) log.error({ lost: count }, 'events are lost: they could not be stored')
      lost += count
    },
  }
}
