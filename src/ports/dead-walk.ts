/** One step of a walk along the dead letters, newest first. */
export interface DeadWalk {
  /** Where the step before ended; `null`: at the newest job. */
  readonly before: string | null
  /** How many jobs of any status a step looks at, at most. */
  readonly limit: number
  /** Those of this handler alone; left out: all. */
  readonly handler?: string | undefined
}

/** What a step found. */
export interface DeadWalkStep {
  readonly ids: readonly string[]
  /** Where the next step begins; `null`: this was the last one. */
  readonly before: string | null
}
