import type { Log } from '../ports/log.ts'

/** Ends what was started, last first. */
export class Teardown {
  readonly #steps: { readonly name: string; readonly end: () => Promise<void> }[] = []
  #running: Promise<void> | undefined

  /** To be ended before everything that was added earlier. */
  add(name: string, end: () => Promise<void>): void {
    this.#steps.push({ name, end })
  }

  /** Ends everything; a step that fails does not keep the others from ending. May be called twice. */
  run(log: Log): Promise<void> {
    this.#running ??= (async () => {
      for (const { name, end } of this.#steps.toReversed()) {
        try {
          await end()
        } catch (error) {
          log.warn({ err: error, part: name }, 'a part did not end cleanly')
        }
      }
    })()
    return this.#running
  }
}
