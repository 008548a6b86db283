import type { JobsConfiguration } from '../config/configuration.ts'
import { type Pauses, queueAddress } from '../ports/pauses.ts'
import type { WakeUps } from '../ports/wake-ups.ts'

/** The addresses of the queues that the configuration pauses. */
export function configuredPauses({ queues }: Pick<JobsConfiguration, 'queues'>): readonly string[] {
  return Object.entries(queues)
    .filter(([, { paused }]) => paused)
    .map(([queue]) => queueAddress(queue))
}

const PREFIX = queueAddress('')

/** Wakes the workers of queues that were resumed: their jobs were announced while nobody might claim them. */
export function resumeQueues(pauses: Pauses, wakeUps: Pick<WakeUps, 'ready'>): void {
  pauses.onChange((addresses) => {
    const queues = addresses
      .filter((address) => pauses.find(address) === undefined)
      // The queue of a publication has the publication's address.
      .map((address) => (address.startsWith(PREFIX) ? address.slice(PREFIX.length) : address))
    if (queues.length > 0) wakeUps.ready(queues)
  })
}
