import type { HttpHost, HttpRoute } from '../ports/http-host.ts'

/** Routes that an adapter gives anew at each of its starts. */
export interface LastingRoutes {
  /** A view for one start of the adapter: whatever it gives takes the place of what an earlier start gave. */
  forStart(): HttpHost
}

/**
 * Lets an adapter be started again though the server takes routes only before it listens, and each once. Until
 * the next start has given its routes, the former ones answer: a stopped adapter answers 503.
 */
export function createLastingRoutes(http: HttpHost): LastingRoutes {
  const given = new Map<string, { route: HttpRoute; start: number }>()
  let start = 0
  return {
    forStart: () => {
      const mine = (start += 1)
      return {
        // Opened and closed by the adapter itself, at each of its starts.
        port: (options) => http.port(options),
        route: (route) => {
          const key = `${route.method} ${route.path}`
          const known = given.get(key)
          // Twice in one start is a mistake, and the server says so.
          if (known === undefined || known.start === mine) {
            const entry = { route, start: mine }
            http.route({ ...route, handle: (request) => entry.route.handle(request) })
            given.set(key, entry)
          } else {
            known.route = route
            known.start = mine
          }
        },
      }
    },
  }
}
