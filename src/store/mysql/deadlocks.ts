import { setTimeout as delay } from 'node:timers/promises'
import { DEADLOCK, errnoOf } from './errors.ts'

/** How often a transaction is made again. */
const REPEATS = 8

/** The longest pause before the first repeat, in milliseconds; it doubles, up to 64-fold. */
const PAUSE_MS = 2

/**
 * Makes a transaction again that the server rolled back for a deadlock: InnoDB picks one of two that
 * wait for each other, and the other one has gone on by then. Waits that run out are not repeated: who
 * holds a row for a second holds it longer.
 * @param work must not have kept anything of a run that failed
 */
export async function repeatOnDeadlock<T>(
  work: () => Promise<T>,
  onDeadlock: (() => void) | undefined,
): Promise<T> {
  for (let repeat = 0; ; repeat += 1) {
    try {
      return await work()
    } catch (error) {
      if (errnoOf(error) !== DEADLOCK || repeat === REPEATS) throw error
      onDeadlock?.()
      await delay(Math.random() * PAUSE_MS * 2 ** Math.min(repeat, 6))
    }
  }
}
