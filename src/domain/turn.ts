/**
 * Names the lane of jobs that run one at a time: an ordering key of one tenant. Both compare byte by byte.
 * Jobs without a tenant are a tenant of their own, which is not the one called ''.
 */
export interface TurnKey {
  readonly tenantId: string | null
  readonly orderingKey: string
}

/**
 * A lane as the index of turns has it (migration 4): the tenant behind its length, so that no two lanes have
 * one name, and none where there is no tenant.
 */
export function turnName({ tenantId, orderingKey }: TurnKey): string {
  // In characters, as the databases count them.
  const tenant = tenantId === null ? '' : `${Array.from(tenantId).length}:${tenantId}`
  return `${tenant}|${orderingKey}`
}

/** The lane that a job stands in; none for a job without an ordering key. Shaped for `flatMap`. */
export function turnOf(job: {
  readonly tenantId?: string | null | undefined
  readonly orderingKey?: string | null | undefined
}): readonly TurnKey[] {
  const { tenantId = null, orderingKey = null } = job
  return orderingKey === null ? [] : [{ tenantId, orderingKey }]
}
