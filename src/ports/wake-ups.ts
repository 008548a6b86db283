/** Tells sleeping parts of this process, and other instances, that there is something to do. */
export interface WakeUps {
  /** Ready jobs were committed in these queues: wakes workers here at once, and others soon after. */
  ready(queues: readonly string[]): void
  /** Waiting jobs were committed: whoever promotes due rows looks again. */
  waiting(): void
  /** Called with the queues that may have ready jobs; `null`: any queue. Returns how to stop it. */
  onReady(listener: (queues: readonly string[] | null) => void): () => void
  onWaiting(listener: () => void): () => void
}
