/** Why nothing more is to be taken in. */
export type FlowReason = 'stopping' | 'paused' | 'backpressure' | 'database'

/** Whether a subscription is to take messages in now. */
export interface Flow {
  /**
   * `undefined`: it is. Otherwise why it is not, and when it is worth asking again, in milliseconds. An adapter
   * that can stop pulling stops; one whose senders wait refuses them. What it has been given already it may
   * still deliver.
   */
  closed(): { readonly reason: FlowReason; readonly retryAfterMs: number } | undefined
  /** Calls `listener` after each change. Returns how to stop it. */
  onChange(listener: () => void): () => void
}

/** A flow that is always open. */
export const OPEN_FLOW: Flow = {
  closed: () => undefined,
  onChange: () => () => undefined,
}
