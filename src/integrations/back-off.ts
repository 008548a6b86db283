/** The first wait is at least so long, in milliseconds, and each further one twice as long. */
const FIRST_MS = 1_000

/** No wait is longer than twice this. */
const LAST_MS = 15_000

/**
 * How long to wait before the next try, in milliseconds: 1 to 2 s at first, 15 to 30 s from the fifth failure on.
 * Half of it is chance: instances that lost one broker together do not come back together.
 * @param failures in a row so far, from 1
 * @param random chance in [0, 1)
 */
export function backOffMs(failures: number, random: () => number): number {
  const base = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10))
  return base * (1 + random())
}
