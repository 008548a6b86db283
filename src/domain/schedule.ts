/** Times in here are instants: milliseconds since 1970, UTC. */

/** When a schedule fires, as its row in `jobs` says it. */
export interface ScheduleDefinition {
  readonly cronExpression: string | null
  readonly intervalSeconds: number | null
  /** An IANA name; of an interval it means nothing. */
  readonly timeZone: string
  /** No tick before it; of an interval the first tick. */
  readonly startAt: number | null
  /** No tick after it. */
  readonly endAt: number | null
  /** The anchor of an interval without `startAt`. */
  readonly createdAt: number
  /** 0: no limit. */
  readonly maxExecutions: number
  /** Ticks fired so far. */
  readonly executionCount: number
  readonly condition: string | null
  readonly misfirePolicy: string
  readonly overlapPolicy: string
  readonly jitterSeconds: number
}

/** What becomes of ticks that nobody fired in time, as `jobs.misfirepolicy` says it; the first is the default. */
export const MISFIRE_POLICIES = ['fire_once', 'skip', 'fire_all'] as const

/** What a tick does while the job before it has not ended, as `jobs.overlappolicy` says it; the first is the default. */
export const OVERLAP_POLICIES = ['allow', 'skip', 'queue'] as const

/** A day: a longer delay belongs into the expression. */
export const MAX_JITTER_SECONDS = 86_400

/** Whether it has a condition: a text of white space alone is none. */
export function hasCondition(definition: Pick<ScheduleDefinition, 'condition'>): boolean {
  return definition.condition !== null && definition.condition.trim() !== ''
}

/**
 * What is wrong with a definition, in one sentence; `undefined`: nothing. Whether the cron expression and
 * the time zone are ones is known where they are read.
 */
export function scheduleProblem(definition: ScheduleDefinition): string | undefined {
  return whenProblem(definition) ?? limitProblem(definition) ?? policiesProblem(definition)
}

function whenProblem(definition: ScheduleDefinition): string | undefined {
  const { cronExpression, intervalSeconds, startAt, endAt, createdAt } = definition
  if (cronExpression === null && intervalSeconds === null) {
    return 'neither cronexpression nor intervalseconds is set: give one of the two'
  }
  if (cronExpression !== null && intervalSeconds !== null) {
    return 'both cronexpression and intervalseconds are set: give one of the two'
  }
  if (intervalSeconds !== null && intervalSeconds < 1) {
    return `intervalseconds is ${intervalSeconds}: it is at least 1`
  }
  if ([startAt, endAt, createdAt].some((time) => time !== null && !Number.isFinite(time))) {
    return 'startat, endat or createdon is no time but infinity: leave it out'
  }
  if (startAt !== null && endAt !== null && endAt < startAt) return 'endat is before startat'
  return undefined
}

function limitProblem({ maxExecutions, jitterSeconds }: ScheduleDefinition): string | undefined {
  if (maxExecutions < 0) return `maxexecutions is ${maxExecutions}: it is 0 (no limit) or more`
  if (jitterSeconds < 0 || jitterSeconds > MAX_JITTER_SECONDS) {
    return `jitterseconds is ${jitterSeconds}: it is 0 to ${MAX_JITTER_SECONDS}`
  }
  return undefined
}

function policiesProblem(definition: ScheduleDefinition): string | undefined {
  return (
    policyProblem('misfirepolicy', definition.misfirePolicy, MISFIRE_POLICIES) ??
    policyProblem('overlappolicy', definition.overlapPolicy, OVERLAP_POLICIES)
  )
}

function policyProblem(
  column: string,
  value: string,
  known: readonly string[],
): string | undefined {
  return known.includes(value)
    ? undefined
    : `the ${column} '${value}' is none: it is one of ${known.join(', ')}`
}
