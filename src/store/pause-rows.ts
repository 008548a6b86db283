import type { PauseRecord } from '../ports/pauses.ts'

/** Rows that are read, at most: one for each address that was ever paused. */
export const MAX_PAUSES = 10_000

/** A row of `crossdock_pauses`, as either driver gives it. */
export interface PauseRow {
  readonly address: string
  readonly paused: boolean | number
  readonly changedon: Date
  readonly changedby: string | null
  readonly reason: string | null
}

/** A pause of the domain. */
export function pauseOf(row: PauseRow): PauseRecord {
  return {
    address: row.address,
    paused: Boolean(row.paused),
    changedOn: row.changedon,
    changedBy: row.changedby,
    reason: row.reason,
  }
}
