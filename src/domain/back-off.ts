/** How pauses between tries grow. */
export interface BackOff {
  /** The pause after the first failure, in milliseconds; each further one is twice as long. */
  readonly firstMs: number
  /** No pause is longer, in milliseconds. */
  readonly longestMs: number
}

/**
 * How long to wait before the next try, in milliseconds, without chance.
 * @param failures in a row so far, from 1
 */
export function pauseMs({ firstMs, longestMs }: BackOff, failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30))
}
