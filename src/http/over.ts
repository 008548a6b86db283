import type { Clock } from '../ports/clock.ts'

/** Whether something that takes long is over, and a way not to wait beyond that. */
export interface Over {
  isOver(): boolean
  /** May be called twice. */
  end(): void
  /** What `promise` resolves with, or `instead` when it is over first. */
  race<T, U>(promise: Promise<T>, instead: U): Promise<T | U>
  /** Resolves after `delayMs`, or when it is over. */
  pause(delayMs: number): Promise<void>
}

/** Something that is over when {@link Over.end} is called or one of `signals` aborts. */
export function createOver(clock: Clock, signals: readonly AbortSignal[]): Over {
  const over = Promise.withResolvers<undefined>()
  let isOver = false
  const end = (): void => {
    isOver = true
    // One of them may live as long as the instance.
    for (const signal of signals) signal.removeEventListener('abort', end)
    over.resolve(undefined)
  }
  for (const signal of signals) signal.addEventListener('abort', end)
  if (signals.some(({ aborted }) => aborted)) end()
  return {
    isOver: () => isOver,
    end,
    race: (promise, instead) => Promise.race([promise, over.promise.then(() => instead)]),
    pause: async (delayMs) => {
      const passed = Promise.withResolvers<undefined>()
      const timer = clock.after(delayMs, () => {
        passed.resolve(undefined)
      })
      await Promise.race([passed.promise, over.promise])
      timer.cancel()
    },
  }
}
