/** How a breaker is: `half_open` lets one message try. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** Leaves a far side alone that fails again and again. Times are those of the monotonic clock. */
export interface Breaker {
  state(now: number): BreakerState
  /** How many messages may begin: all, none, or the one that tries. */
  room(now: number): number
  /** Until it may be tried, in milliseconds; `undefined`: it is not open. */
  openForMs(now: number): number | undefined
  /** A message begins. Returns what is to be called once it has ended, whatever became of it. */
  enter(now: number): () => void
  /** The far side has answered: taken, or refused for good. */
  answered(): void
  /** An attempt has failed. `retryAfterMs`: the far side does not want to be asked before. */
  failed(now: number, retryAfterMs?: number): void
  /** There was no connection: it opens at once, until {@link Breaker.reconnected} or its time is over. */
  unsent(now: number): void
  /** The connection is there: what it was opened for alone is over. */
  reconnected(): void
}

/** When a breaker opens, and for how long. */
export interface BreakerSettings {
  /** Attempts that fail one after another. */
  readonly failures: number
  readonly openMs: number
}

/** Whatever a far side asks for, it is tried after an hour. */
const MAX_OPEN_MS = 3_600_000

/**
 * Pure but for what it remembers. Failures one after another open it; after its time, or the longest that the
 * far side asked for, one message is tried: its success closes it, its failure opens it again.
 */
export function createBreaker({ failures: limit, openMs }: BreakerSettings): Breaker {
  let failures = 0
  let openUntil: number | undefined
  /** The far side asked for peace until then, at the latest of the failures in a row. */
  let askedUntil = -Infinity
  let isTrying = false
  let forConnection = false

  function open(until: number, isForConnection: boolean): void {
    openUntil = Math.max(until, openUntil ?? -Infinity)
    forConnection = isForConnection
    isTrying = false
  }

  function close(): void {
    failures = 0
    openUntil = undefined
    askedUntil = -Infinity
    isTrying = false
    forConnection = false
  }

  function state(now: number): BreakerState {
    if (openUntil === undefined) return 'closed'
    return now < openUntil ? 'open' : 'half_open'
  }

  return {
    state,
    room: (now) => {
      const is = state(now)
      if (is === 'closed') return Infinity
      return is === 'half_open' && !isTrying ? 1 : 0
    },
    openForMs: (now) => (openUntil !== undefined && now < openUntil ? openUntil - now : undefined),
    enter: (now) => {
      if (state(now) !== 'half_open') return () => undefined
      isTrying = true
      return () => {
        // Where it was opened or closed meanwhile, this is about nothing any more.
        isTrying = false
      }
    },
    answered: close,
    failed: (now, retryAfterMs = 0) => {
      failures += 1
      askedUntil = Math.max(askedUntil, now + Math.min(retryAfterMs, MAX_OPEN_MS))
      const is = state(now)
      // Those that were on their way when it opened say nothing new, but for when to come again.
      if (is === 'open') open(askedUntil, forConnection)
      else if (is === 'half_open' || failures >= limit) {
        openUntil = undefined
        open(Math.max(now + openMs, askedUntil), false)
      }
    },
    unsent: (now) => {
      if (state(now) === 'open') return
      openUntil = undefined
      open(now + openMs, true)
    },
    reconnected: () => {
      if (forConnection) close()
    },
  }
}
