import { addressOf } from '../domain/outbound.ts'
import type { MessageSink } from '../ports/adapter.ts'
import type { DeliveryCounts } from '../ports/integrations.ts'
import { shownError } from './shown-error.ts'

/** A sink that counts. */
export interface CountedSink extends MessageSink {
  counts(address: string): DeliveryCounts
}

/**
 * Counts what an adapter delivers, by subscription.
 * @param onMessages told of the address of each subscription that messages came by, once they are stored or refused
 */
export function createCountedSink(
  sink: MessageSink,
  onMessages: (address: string) => void,
): CountedSink {
  type Counts = { -readonly [Key in keyof DeliveryCounts]: DeliveryCounts[Key] }
  const all = new Map<string, Counts>()

  function countsOf(address: string): Counts {
    const known = all.get(address)
    if (known !== undefined) return known
    const zero = { stored: 0, duplicate: 0, dead: 0, filtered: 0, invalid: 0, refused: 0 }
    const fresh = { ...zero, lastError: undefined }
    all.set(address, fresh)
    return fresh
  }

  return {
    deliver: async (messages, options) => {
      const addresses = messages.map(({ protocol, subscription }) =>
        addressOf(protocol, subscription),
      )
      try {
        const deliveries = await sink.deliver(messages, options)
        deliveries.forEach((delivery, index) => {
          const counts = countsOf(addresses[index] ?? '')
          counts[delivery.outcome] += 1
          if (delivery.outcome === 'refused') counts.lastError = shownError(delivery.error)
        })
        return deliveries
      } catch (error) {
        for (const address of addresses) {
          const counts = countsOf(address)
          counts.refused += 1
          counts.lastError = shownError(error)
        }
        throw error
      } finally {
        for (const address of new Set(addresses)) onMessages(address)
      }
    },
    counts: countsOf,
  }
}
