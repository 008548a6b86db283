import type { TurnKey } from '../domain/turn.ts'

/** What one instance tells the others, or another program's SQL tells all of them. */
export interface Announcement {
  /** Queues that may have ready jobs; `null`: any queue. */
  readonly queues: readonly string[] | null
  /** Whether a schedule may have come, changed or gone. */
  readonly schedules: boolean
  /** Whether somebody has paused or resumed something; left out: no. */
  readonly pauses?: boolean | undefined
}

/** Something may have been missed: look at everything. */
export const ANYTHING: Announcement = { queues: null, schedules: true, pauses: true }

/** A way to tell other instances: the database's, or Redis. What it carries are hints; losing one costs time, never a job. */
export interface WakeUpChannel {
  /**
   * Tells `listener` what others announce, and {@link ANYTHING} whenever something may have been missed:
   * at first, and after each reconnect. Reconnects for ever. What this very channel announced it does not
   * hear.
   */
  listen(listener: (heard: Announcement) => void): Promise<{ stop(): Promise<void> }>
  /** Tells the other instances. Rejects when nobody was told. */
  announce(said: Announcement): Promise<void>
}

/** Tells sleeping parts of this process, and other instances, that there is something to do. */
export interface WakeUps {
  /** Ready jobs were committed in these queues: wakes workers here at once, and others soon after. */
  ready(queues: readonly string[]): void
  /** Waiting jobs were committed: whoever promotes due rows looks again. */
  waiting(): void
  /** The turns of these lanes may be free, in this process's knowledge; `null`: of any lane. */
  turns(keys: readonly TurnKey[] | null): void
  /** A pause was committed: tells the other instances, at once. */
  pauses(): void
  /** Called with the queues that may have ready jobs; `null`: any queue. Returns how to stop it. */
  onReady(listener: (queues: readonly string[] | null) => void): () => void
  onWaiting(listener: () => void): () => void
  /** Called with the lanes whose turns may be free; `null`: any lane. Returns how to stop it. */
  onTurns(listener: (keys: readonly TurnKey[] | null) => void): () => void
  /** Called when a schedule may have come, changed or gone. Returns how to stop it. */
  onSchedules(listener: () => void): () => void
  /** Called when another instance may have paused or resumed something. Returns how to stop it. */
  onPauses(listener: () => void): () => void
}
