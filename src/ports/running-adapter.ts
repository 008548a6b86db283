import type { AdapterHealth, RunningAdapter } from './adapter.ts'
import { healthTogether, publishingHealth } from './adapter-health.ts'
import type { AdapterPublisher } from './adapter-publisher.ts'

/** What an adapter of one connection consists of. */
export interface RunningParts {
  /** What receives, each for the subscription of this name. */
  readonly receivers: readonly {
    readonly name: string
    readonly receiver: { health(): AdapterHealth; stop(): Promise<void> }
  }[]
  /** Left out: it has no publications. */
  readonly publisher?: AdapterPublisher | undefined
}

/** An adapter that receives for each subscription by itself, and publishes apart from that. */
export function runningAdapter({ receivers, publisher }: RunningParts): RunningAdapter {
  return {
    health: () => {
      const parts = receivers.map(({ name, receiver }) => ({ name, health: receiver.health() }))
      return healthTogether(
        publisher === undefined ? parts : [...parts, publishingHealth(publisher.problem())],
      )
    },
    ...(publisher !== undefined && {
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      await Promise.all([publisher?.stop(), ...receivers.map(({ receiver }) => receiver.stop())])
    },
  }
}
