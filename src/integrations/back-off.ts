import { pauseMs } from '../domain/back-off.ts'

/**
 * How long to wait before an adapter is started again, in milliseconds: 1 to 2 s at first, 15 to 30 s from the
 * fifth failure on. Half of it is chance: instances that lost one broker together do not come back together.
 * @param failures in a row so far, from 1
 * @param random chance in [0, 1)
 */
export function backOffMs(failures: number, random: () => number): number {
  return pauseMs({ firstMs: 1_000, longestMs: 15_000 }, failures) * (1 + random())
}
