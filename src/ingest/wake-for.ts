import { turnOf, type TurnKey } from '../domain/turn.ts'
import type { InsertOutcome } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import type { WaitingMessage } from './waiting-rows.ts'

/** Wakes whom the rows of a group are for, once they are committed. */
export function wakeFor(
  group: readonly WaitingMessage[],
  outcomes: readonly InsertOutcome[],
  wakeUps: WakeUps,
): void {
  const ready = new Set<string>()
  const turns: TurnKey[] = []
  let waits = false
  for (const [index, job] of group.flatMap(({ jobs }) => jobs).entries()) {
    if (outcomes[index]?.outcome !== 'stored' || job.dead !== undefined) continue
    // What was scheduled for a time that has passed is ready at once.
    if (job.orderingKey === undefined) ready.add(job.queue ?? 'default')
    else turns.push(...turnOf(job))
    if (job.scheduledAt !== undefined || job.delayMs !== undefined) waits = true
  }
  if (ready.size > 0) wakeUps.ready([...ready])
  wakeUps.turns(turns)
  if (waits) wakeUps.waiting()
}
