/** Says when jobs of one queue may begin. */
export interface Gate {
  /** How many may begin now, beside those that run; 0: closed. */
  room(): number
  /** One begins. Returns what is to be called once it has ended. */
  enter(): () => void
  /** Calls `listener` after each change. Returns how to stop it. */
  onChange(listener: () => void): () => void
}
