import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { InstanceRequest } from '../ports/instances.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'

/** What {@link createInstanceId} needs. */
export interface InstanceIdOptions {
  readonly store: Pick<Store, 'registerInstance' | 'unregisterInstance'>
  readonly request: InstanceRequest
  readonly clock: Clock
  readonly log: Log
}

/** The id under which this process holds leases. */
export interface InstanceId {
  /**
   * Takes it, once, waiting for the end of a former holder where need be. Resolves to whether it is this
   * process's: `false` when {@link InstanceId.giveBack} came before.
   * @throws CrossdockError `instance_id_taken` when another live process has it
   */
  take(): Promise<boolean>
  /** Frees it for the next process. To be called when nothing renews it any more. */
  giveBack(): Promise<void>
}

/** How often it is looked whether the holder is gone, in milliseconds. */
const LOOK_MS = 250

/**
 * Two processes must not share an id. Where another one has it, that one may have died a moment ago: a
 * restart finds the registration of the run before. One that says again that it lives is alive.
 */
export function createInstanceId(options: InstanceIdOptions): InstanceId {
  const { store, request, clock, log } = options
  let stopped = false
  let taking: Promise<boolean> | undefined
  let timer: Timer | undefined
  let wake: (() => void) | undefined

  async function take(): Promise<boolean> {
    let endsAt: number | undefined
    while (!isStopped()) {
      const endsInMs = await tryOnce()
      if (endsInMs === 'taken') return !isStopped()
      if (endsInMs !== undefined) {
        const ends = clock.monotonicMs() + endsInMs
        // The clocks of the database and of this process need not run exactly alike.
        if (endsAt !== undefined && ends > endsAt + LOOK_MS) throw idTaken(request.id)
        if (endsAt === undefined) {
          log.warn(
            { instance: request.id, up_to_ms: Math.round(endsInMs) },
            'the former holder of this instance.id has not given it back; workers start when its time is over',
          )
        }
        endsAt = ends
      }
      await pause()
    }
    return false
  }

  /** `undefined`: the database could not be asked. */
  async function tryOnce(): Promise<'taken' | number | undefined> {
    try {
      const answer = await store.registerInstance(request)
      return answer.registered ? 'taken' : answer.expiresInMs
    } catch (error) {
      if (isCrossdockError(error) && error.retryable) return undefined
      throw error
    }
  }

  // A function, since the compiler would otherwise take `stopped` for unchanged across an await.
  function isStopped(): boolean {
    return stopped
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
      timer = clock.after(LOOK_MS, resolve)
    })
  }

  return {
    take: () => (taking ??= take()),
    giveBack: async () => {
      stopped = true
      timer?.cancel()
      wake?.()
      // One that is under way would take it after it was given back.
      await taking?.catch(() => undefined)
      await store.unregisterInstance(request)
    },
  }
}

/** The error of a process whose id another live process has. */
export function idTaken(id: string): CrossdockError {
  return new CrossdockError(
    'instance_id_taken',
    `another live process has the instance.id '${id}'. Give each process an id of its own, or leave` +
      ' instance.id out.',
  )
}
