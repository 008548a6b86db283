import type { LeaseKeeper, LeaseKeeperEvents } from '../../../src/ports/lease-keeper.ts'
import type { ExecutionKey } from '../../../src/ports/store.ts'

/** A keeper whose leases last until a test says otherwise. */
export function fakeLeases(): LeaseKeeper & {
  /** Executions that are renewed. */
  readonly held: Set<string>
  /** Executions that were given back: they may not begin any more. */
  readonly returned: Set<string>
  events(): LeaseKeeperEvents
} {
  const held = new Set<string>()
  const returned = new Set<string>()
  let heard: LeaseKeeperEvents | undefined
  return {
    held,
    returned,
    events: () => heard!,
    start: (events) => {
      heard = events
    },
    hold: ({ keys }) =>
      keys.map((key) => {
        held.add(nameOf(key))
        return {
          begin: () => !returned.has(nameOf(key)),
          finish: () => undefined,
          end: () => {
            held.delete(nameOf(key))
          },
        }
      }),
    health: () => ({ status: 'ok' }),
    stop: () => Promise.resolve(),
  }
}

function nameOf({ jobId, epoch }: ExecutionKey): string {
  return `${jobId}:${epoch}`
}
