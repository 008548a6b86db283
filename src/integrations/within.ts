import type { Clock } from '../ports/clock.ts'

/** Whether some work ended in time. Never rejects: work that fails has ended. */
export function within(clock: Clock, work: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(limitMs, () => {
      resolve(false)
    })
    const done = (): void => {
      timer.cancel()
      resolve(true)
    }
    work.then(done, done)
  })
}
