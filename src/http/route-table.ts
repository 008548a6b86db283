/** The methods that each route's path has, for answering 405. */
export interface RouteTable {
  /** Returns whether method and path were free: `/in/:a` and `/in/:b` are one path. */
  add(method: string, path: string): boolean
  /** The methods of the routes that a request's path fits, in order of the alphabet. */
  methodsOf(path: string): readonly string[]
}

/** An empty table. */
export function createRouteTable(): RouteTable {
  const routes: { readonly method: string; readonly segments: readonly string[] }[] = []
  return {
    add: (method, path) => {
      const segments = path.split('/').map((segment) => (segment.startsWith(':') ? ':' : segment))
      const shape = segments.join('/')
      if (routes.some((other) => other.method === method && other.segments.join('/') === shape)) {
        return false
      }
      routes.push({ method, segments })
      return true
    },
    methodsOf: (path) => {
      const asked = path.split('/')
      const methods = routes
        .filter(({ segments }) => fits(segments, asked))
        .map(({ method }) => method)
      return [...new Set(methods)].sort()
    },
  }
}

function fits(segments: readonly string[], asked: readonly string[]): boolean {
  return (
    segments.length === asked.length &&
    segments.every((segment, index) =>
      segment === ':' ? asked[index] !== '' : segment === asked[index],
    )
  )
}
