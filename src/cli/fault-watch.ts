import { errorMessage } from '../domain/errors.ts'
import type { Terminal } from './terminal.ts'

/**
 * What handlers let fall. A rejection that nobody awaited is told, and the instance goes on: one bad
 * handler stops nothing else. After an exception outside every promise nobody knows what is half done:
 * the instance gives its jobs back and ends, for a supervisor to start it anew.
 */
export class FaultWatch {
  /** Resolves with the first exception. */
  readonly exception: Promise<unknown>
  readonly #forget: () => void

  constructor(terminal: Terminal) {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.exception = promise
    this.#forget = terminal.onFault((kind, error) => {
      if (kind === 'rejection') {
        terminal.err(
          `warning: a promise was rejected and nobody awaited it: ${errorMessage(error)}. Look for a call without await in a handler.`,
        )
        return
      }
      terminal.err(
        `error: an exception was thrown outside every promise, in a timer or an event listener of a handler: ${errorMessage(error)}. This instance ends.`,
      )
      resolve(error)
    })
  }

  /** Stops watching. May be called twice. */
  forget(): void {
    this.#forget()
  }
}
