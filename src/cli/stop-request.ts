import { EXIT } from './exit-code.ts'
import type { StopSignal, Terminal } from './terminal.ts'

/** Waits for the signal that ends an instance. A second SIGINT ends the process at once. */
export class StopRequest {
  /** The first signal. */
  readonly requested: Promise<StopSignal>
  #isRequested = false
  readonly #forget: () => void

  constructor(terminal: Terminal) {
    const { promise, resolve } = Promise.withResolvers<StopSignal>()
    this.requested = promise
    this.#forget = terminal.onSignal((signal) => {
      // A supervisor may send SIGTERM again and again; only somebody at the keyboard is impatient.
      if (this.#isRequested && signal === 'SIGINT') {
        terminal.err('Ended at once; what was running will run again.')
        terminal.exit(EXIT.interrupted)
      }
      this.#isRequested = true
      resolve(signal)
    })
  }

  /** Whether a signal has come. */
  get isRequested(): boolean {
    return this.#isRequested
  }

  /** Gives the signals back. May be called twice. */
  forget(): void {
    this.#forget()
  }
}
