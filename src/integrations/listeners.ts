import type { Log } from '../ports/log.ts'

/** Those who want to be told of something. */
export interface Listeners<Said> {
  /** Returns how to stop it. */
  add(listener: (said: Said) => void): () => void
  /** Tells all; one that throws keeps nothing from the others, nor from whoever tells. */
  tell(said: Said): void
}

/** Nobody at first. */
export function createListeners<Said>(log: Log): Listeners<Said> {
  const all = new Set<(said: Said) => void>()
  return {
    add: (listener) => {
      all.add(listener)
      return () => all.delete(listener)
    },
    tell: (said) => {
      for (const listener of all) {
        try {
          listener(said)
        } catch (error) {
          log.error({ err: error }, 'a part could not be told of a change')
        }
      }
    },
  }
}
