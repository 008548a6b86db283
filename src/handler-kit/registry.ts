import { CrossdockError } from '../domain/errors.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'

/**
 * A registry of these handlers. The same handler given twice counts once.
 * @throws CrossdockError `handler_duplicate` when two of them have one name.
 */
export function createRegistry(handlers: Iterable<Handler>): HandlerRegistry {
  const byName = new Map<string, Handler>()
  for (const handler of handlers) {
    const earlier = byName.get(handler.name)
    if (earlier !== undefined && earlier !== handler) {
      throw new CrossdockError(
        'handler_duplicate',
        `Two handlers are named ${JSON.stringify(handler.name)}: rename one of them.`,
        { details: { handler: handler.name } },
      )
    }
    byName.set(handler.name, handler)
  }
  const names = Object.freeze([...byName.keys()].sort())
  return {
    get: (name) => byName.get(name),
    handlerOf: ({ handler }) => byName.get(handler),
    names: () => names,
  }
}
