/** Turns that were given. */
export interface GivenTurns {
  /** Queues that may have newly ready jobs. */
  readonly queues: readonly string[]
  readonly count: number
}

/** A step along all lanes. */
export interface TurnWalk extends GivenTurns {
  /** Where the next step goes on; `null`: this was the last one. */
  readonly after: string | null
}

/** A look at those who came lately. */
export interface LateTurns extends GivenTurns {
  /** Where the next look goes on: a seq. */
  readonly since: string
  /** Whether there is more to look at right now. */
  readonly more: boolean
}
