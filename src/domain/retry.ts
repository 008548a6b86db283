/** How long to wait before each further attempt. */
export interface RetryPolicy {
  /** `exponential`: `initialMs × factor^n`, n from 0, at most `maxMs`; `fixed`: always `initialMs`. */
  readonly type: 'exponential' | 'fixed'
  readonly initialMs: number
  readonly maxMs: number
  readonly factor: number
  /** Share of the delay that chance may add or take: 0.1 is ±10 %. */
  readonly jitter: number
}

/** The default: 30 s × 2^n, at most 10 minutes, 10 % jitter. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  type: 'exponential',
  initialMs: 30_000,
  maxMs: 600_000,
  factor: 2,
  jitter: 0.1,
}

/**
 * The wait in milliseconds before retry number `retry` (0 for the first retry).
 * @param random in [0, 1), passed in so that tests own it
 */
export function retryDelayMs(policy: RetryPolicy, retry: number, random: () => number): number {
  const plain =
    policy.type === 'fixed' ? policy.initialMs : policy.initialMs * policy.factor ** retry
  const capped = Math.min(plain, policy.maxMs)
  return Math.round(capped * (1 + policy.jitter * (random() * 2 - 1)))
}
