import type { Clock, Timer } from '../ports/clock.ts'
import type { Gate } from '../ports/gate.ts'
import type { Breaker } from './breaker.ts'
import type { RateLimit } from './rate-limit.ts'

/** The gate of one publication. */
export interface PublicationGate extends Gate {
  /** Something of what it looks at has changed. */
  changed(): void
  stop(): void
}

/** What {@link createPublicationGate} looks at. */
export interface PublicationGateParts {
  /** Whether there is somebody who publishes, with a connection. */
  readonly isConnected: () => boolean
  readonly breaker: Breaker
  readonly rateLimit: RateLimit | undefined
  readonly clock: Clock
}

/** Open while the connection works, the breaker lets through, and the rate has room. */
export function createPublicationGate(parts: PublicationGateParts): PublicationGate {
  const { isConnected, breaker, rateLimit, clock } = parts
  const listeners = new Set<() => void>()
  let timer: Timer | undefined
  let isStopped = false

  function room(): number {
    if (isStopped || !isConnected()) return 0
    const now = clock.monotonicMs()
    return Math.min(breaker.room(now), rateLimit?.room(now) ?? Infinity)
  }

  function changed(): void {
    for (const listener of listeners) listener()
    wakeLater()
  }

  /** Whatever is only a matter of time is told when its time has come. */
  function wakeLater(): void {
    timer?.cancel()
    timer = undefined
    if (isStopped || !isConnected()) return
    const now = clock.monotonicMs()
    const waitMs = Math.max(breaker.openForMs(now) ?? 0, rateLimit?.waitMs(now) ?? 0)
    if (waitMs <= 0) return
    timer = clock.after(Math.ceil(waitMs), () => {
      timer = undefined
      changed()
    })
  }

  return {
    room,
    enter: () => {
      const now = clock.monotonicMs()
      const leave = breaker.enter(now)
      rateLimit?.take(now)
      if (timer === undefined) wakeLater()
      return leave
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    changed,
    stop: () => {
      isStopped = true
      timer?.cancel()
    },
  }
}
