/** Places for what may be under way at once. */
export interface Slots {
  /**
   * Waits for a free place, first come first served. Returns how to give it back, to be called once;
   * `undefined`: `signal` aborted first.
   */
  take(signal: AbortSignal): Promise<(() => void) | undefined>
}

/** So many places, all of them free. */
export function createSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()
  const giveBack = (): void => {
    const [next] = waiting
    if (next === undefined) free += 1
    else next()
  }
  return {
    take: (signal) => {
      if (signal.aborted) return Promise.resolve(undefined)
      if (free > 0) {
        free -= 1
        return Promise.resolve(giveBack)
      }
      const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>()
      const leave = (release: (() => void) | undefined): void => {
        waiting.delete(enter)
        signal.removeEventListener('abort', abort)
        resolve(release)
      }
      const enter = (): void => leave(giveBack)
      const abort = (): void => leave(undefined)
      waiting.add(enter)
      signal.addEventListener('abort', abort, { once: true })
      return promise
    },
  }
}
