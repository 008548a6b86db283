import { isStorable } from '../domain/storable.ts'
import type { HttpResponse } from '../ports/http-host.ts'
import { type Pauses, queueAddress } from '../ports/pauses.ts'
import type { Store } from '../ports/store.ts'
import { changePause, pauseJson } from './pause-request.ts'
import { inputProblem } from './problem.ts'
import type { HttpResource, ResourceRequest } from './resource.ts'

/** What the routes of queues work with. */
export interface QueuesResourceOptions {
  readonly store: Pick<Store, 'queueDepths'>
  readonly pauses: Pick<Pauses, 'change' | 'find' | 'paused'>
  /** Queues that the configuration names. */
  readonly configured: readonly string[]
}

/** What the column `queue` holds. */
const MAX_QUEUE_CHARACTERS = 100

/** `/api/queues`. */
export function createQueuesResource(options: QueuesResourceOptions): HttpResource {
  const { store, pauses, configured } = options
  const change = async (request: ResourceRequest, paused: boolean): Promise<HttpResponse> => {
    const name = request.params['name'] ?? ''
    // Any queue: it is there as soon as a job is in it.
    if (name === '' || name.length > MAX_QUEUE_CHARACTERS || !isStorable(name)) {
      const message = `a queue's name has 1 to ${MAX_QUEUE_CHARACTERS} characters`
      return inputProblem([{ path: 'name', message }])
    }
    return await changePause(request, pauses, { address: queueAddress(name), paused })
  }
  return [
    {
      method: 'GET',
      path: '/api/queues',
      handle: async () => {
        const depths = new Map((await store.queueDepths()).map((depth) => [depth.queue, depth]))
        const prefix = queueAddress('')
        const named = pauses
          .paused()
          .filter((address) => address.startsWith(prefix))
          .map((address) => address.slice(prefix.length))
        const names = [...new Set([...configured, ...depths.keys(), ...named])].sort()
        const data = names.map((name) => {
          const { pending = 0, processing = 0, queued = 0, waiting = 0 } = depths.get(name) ?? {}
          // The queue of a publication rests with it.
          const pause =
            pauses.find(queueAddress(name)) ?? (name.includes(':') ? pauses.find(name) : undefined)
          return { name, pending, processing, queued, waiting, pause: pauseJson(pause) }
        })
        return { status: 200, body: { data } }
      },
    },
    {
      method: 'POST',
      path: '/api/queues/:name/pause',
      handle: (request) => change(request, true),
    },
    {
      method: 'POST',
      path: '/api/queues/:name/resume',
      handle: (request) => change(request, false),
    },
  ]
}
