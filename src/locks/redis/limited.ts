import type { Clock } from '../../ports/clock.ts'

/** Stands for an answer that did not come in time. */
export const LATE = Symbol('late')

/** The answer, or {@link LATE} after `limitMs`. Rejects as `answer` does; a late rejection is dropped. */
export async function limited<T>(
  answer: Promise<T>,
  limitMs: number,
  clock: Clock,
): Promise<T | typeof LATE> {
  const late = Promise.withResolvers<typeof LATE>()
  // Timers run before sockets are read: where this thread stood still for longer than the limit, the
  // answer may lie there already, and is read before the check.
  const timer = clock.after(limitMs, () => setImmediate(() => late.resolve(LATE)))
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    timer.cancel()
  }
}
