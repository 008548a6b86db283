/**
 * What people want of an address: `mqtt:temps` (a subscription or a publication; both, where two have one
 * address), or `queue:mail`.
 */
export interface PauseRecord {
  readonly address: string
  /** `false`: resumed, also where the configuration says `paused`. */
  readonly paused: boolean
  readonly changedOn: Date
  readonly changedBy: string | null
  readonly reason: string | null
}

/** A wish of somebody. */
export type PauseChange = Omit<PauseRecord, 'changedOn'>

/** The wishes as the database keeps them. */
export interface PauseStore {
  /** Every address that was ever paused or resumed, at most 10,000. */
  list(): Promise<readonly PauseRecord[]>
  /** Writes a wish, and returns what stands: who asks for what stands already changes nothing. */
  set(change: PauseChange): Promise<PauseRecord>
}

/** Why something rests, and since when. */
export interface Pause {
  /** `null`, this and the next: the configuration says so. */
  readonly on: Date | null
  readonly by: string | null
  readonly reason: string | null
}

/** What is paused, as this instance knows it: at the latest a few seconds after somebody said so. */
export interface Pauses {
  /** The pause of an address; `undefined`: it is not paused. */
  find(address: string): Pause | undefined
  /** Every address that is paused. */
  paused(): readonly string[]
  /** Whether a queue may not be claimed: `queue:NAME`, or the publication whose queue it is. */
  isQueuePaused(queue: string): boolean
  /** Calls `listener` with the addresses after each change. Returns how to stop it. */
  onChange(listener: (addresses: readonly string[]) => void): () => void
  /** Pauses or resumes; every other instance learns of it. @throws CrossdockError `database_*` */
  change(change: PauseChange): Promise<PauseRecord>
}

/** The address of a queue. */
export function queueAddress(queue: string): string {
  return `queue:${queue}`
}
