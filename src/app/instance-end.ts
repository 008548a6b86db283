import type { Log } from '../ports/log.ts'
import type { Teardown } from './teardown.ts'

/** The end of an instance. */
export interface InstanceEnd {
  /** Resolves when it has ended; rejects as soon as it cannot go on. */
  readonly stopped: Promise<void>
  /** Whether it is ending, or has ended. */
  isEnding(): boolean
  /** Ends it. May be called twice. */
  shutdown(reason?: string): Promise<void>
  /** It cannot go on: says so, and ends it. */
  fail(error: Error, reason: string): void
}

/** One end, whoever asks for it and however often. */
export function createInstanceEnd(parts: {
  /** Has everything take nothing in any more. */
  readonly drain: () => void
  readonly teardown: Teardown
  readonly log: Log
}): InstanceEnd {
  const { drain, teardown, log } = parts
  const stopped = Promise.withResolvers<undefined>()
  // Nobody need listen to it.
  stopped.promise.catch(() => undefined)
  let ending: Promise<void> | undefined

  function shutdown(reason?: string): Promise<void> {
    ending ??= (async () => {
      log.info({ reason }, 'stopping')
      drain()
      await teardown.run(log)
      log.info({}, 'stopped')
      stopped.resolve(undefined)
    })()
    return ending
  }

  return {
    stopped: stopped.promise,
    isEnding: () => ending !== undefined,
    shutdown,
    fail: (error, reason) => {
      if (ending !== undefined) return
      log.error({ err: error }, `${reason}; this instance ends`)
      stopped.reject(error)
      void shutdown(reason)
    },
  }
}
