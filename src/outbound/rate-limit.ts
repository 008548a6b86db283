/** Messages of one instance in a time. Times are those of the monotonic clock. */
export interface RateLimit {
  /** How many may begin now. */
  room(now: number): number
  take(now: number): void
  /** Until there is room again, in milliseconds; 0: there is. */
  waitMs(now: number): number
}

/** Room comes so often, at most: message by message, each would be a claim of its own. In milliseconds. */
const STEP_MS = 100

/**
 * A bucket that fills in steps and holds what one step brings, so that what a far side allows for a minute is
 * not sent in its first second, and two windows of the far side's own never see twice as much. Pure but for
 * what it remembers.
 */
export function createRateLimit({
  count,
  perMs,
}: {
  readonly count: number
  readonly perMs: number
}): RateLimit {
  const stepMs = Math.min(perMs, Math.max(STEP_MS, perMs / count))
  const perStep = (count * stepMs) / perMs
  const capacity = Math.max(1, perStep)
  let tokens = capacity
  let filledAt: number | undefined

  function fill(now: number): void {
    filledAt ??= now
    const steps = Math.floor((now - filledAt) / stepMs)
    if (steps <= 0) return
    filledAt += steps * stepMs
    tokens = Math.min(capacity, tokens + steps * perStep)
  }

  return {
    room: (now) => {
      fill(now)
      return Math.floor(tokens + 1e-9)
    },
    take: (now) => {
      fill(now)
      tokens -= 1
    },
    waitMs: (now) => {
      fill(now)
      if (tokens + 1e-9 >= 1) return 0
      const steps = Math.ceil((1 - tokens - 1e-9) / perStep)
      return (filledAt ?? now) + steps * stepMs - now
    },
  }
}
