/** Time inside this process. What is due and what has expired the database's clock decides. */
export interface Clock {
  /** Milliseconds that only grow, from an arbitrary start: for durations. */
  monotonicMs(): number
  /** Runs `run` once after `delayMs` milliseconds; does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer
}

/** A pending {@link Clock.after}. */
export interface Timer {
  /** Stops it; may be called again, and after it ran. */
  cancel(): void
}

/** Makes ids: UUIDv7, so that they grow and indexes stay dense. */
export type MakeId = () => string
