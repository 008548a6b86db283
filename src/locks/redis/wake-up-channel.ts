import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CrossdockError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { ANYTHING, type Announcement, type WakeUpChannel } from '../../ports/wake-ups.ts'
import type { RedisNode } from './node.ts'
import { subscribe } from './subscriber.ts'

/** What {@link createRedisWakeUps} takes. */
export interface RedisWakeUpsOptions {
  readonly nodes: readonly RedisNode[]
  readonly keyPrefix: string
  readonly clock: Clock
  readonly log: Log
}

/** Announcing may take this long, in milliseconds: no claim waits for it. */
const LIMIT_MS = 1_000

/** Longer announcements name no queues: they mean any. */
const MAX_BYTES = 65_536

/** What instances say to each other. */
const announcement = z.object({
  from: z.string(),
  queues: z.array(z.string()).nullable(),
  schedules: z.boolean(),
  pauses: z.boolean().optional(),
})

/**
 * Wake-ups over Redis's channels, on every node: what is published on one is not heard on the others.
 * Hearing an announcement twice wakes twice, and does no harm. Whatever is no announcement of ours means
 * anything, so that other programs can wake all instances by a PUBLISH of any text.
 */
export function createRedisWakeUps(options: RedisWakeUpsOptions): WakeUpChannel & {
  /** Ends what {@link WakeUpChannel.listen} began and nobody has stopped. */
  stopAll(): void
} {
  const { nodes, keyPrefix, clock, log } = options
  const channel = `${keyPrefix}:wake-ups`
  const token = randomUUID()
  const subscribers = new Set<{ stop(): void }>()

  return {
    listen: async (listener) => {
      const own = nodes.map(({ address }) =>
        subscribe({
          address,
          channel,
          onSubscribed: () => {
            listener(ANYTHING)
          },
          onMessage: (text) => {
            const { from, ...heard } = parse(text)
            if (from !== token) listener(heard)
          },
          clock,
          log,
        }),
      )
      for (const subscriber of own) subscribers.add(subscriber)
      return {
        stop: async () => {
          for (const subscriber of own) {
            subscriber.stop()
            subscribers.delete(subscriber)
          }
        },
      }
    },
    announce: async (said) => {
      const text = textOf(token, said)
      const told = await Promise.all(
        nodes.map((node) =>
          node.ask((client) => client.publish(channel, text), z.number(), LIMIT_MS),
        ),
      )
      if (told.some((receivers) => receivers !== undefined)) return
      throw new CrossdockError(
        'cache_unavailable',
        'no Redis node answers, so that other instances were not told of new work',
        { retryable: true },
      )
    },
    stopAll: () => {
      for (const subscriber of subscribers) subscriber.stop()
      subscribers.clear()
    },
  }
}

function textOf(from: string, said: Announcement): string {
  const text = JSON.stringify({ from, ...said })
  return Buffer.byteLength(text) <= MAX_BYTES
    ? text
    : JSON.stringify({ from, ...said, queues: null })
}

function parse(text: string): Announcement & { readonly from?: string } {
  try {
    return announcement.parse(JSON.parse(text))
  } catch {
    return ANYTHING
  }
}
