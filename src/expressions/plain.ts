/**
 * An expression that needs no JSONata: names with dots between them, or a literal. Its meaning is
 * JSONata's own, arrays included.
 */
export type PlainExpression =
  | { readonly kind: 'path'; readonly names: readonly string[] }
  | { readonly kind: 'literal'; readonly value: unknown }

/** Several values on the way: JSONata's sequence, which is not an array of the message. */
class Sequence {
  readonly items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.items = items
  }
}

/** The value of a plain expression; `undefined`: nothing. Takes time in proportion to what it walks. */
export function evaluatePlain(expression: PlainExpression, input: unknown): unknown {
  if (expression.kind === 'literal') return expression.value
  let found: readonly unknown[] = [input]
  for (const [index, name] of expression.names.entries()) {
    const isLast = index === expression.names.length - 1
    const next = step(found, name, isLast)
    // An array of the message that is all there is comes out as it is, empty or with one element too.
    if (!(next instanceof Sequence)) return next
    if (next.items.length === 0) return undefined
    found = next.items
  }
  return found.length === 1 ? found[0] : found
}

function step(from: readonly unknown[], name: string, isLast: boolean): unknown {
  const results: unknown[] = []
  for (const item of from) {
    const result = single(lookUp(item, name))
    if (result !== undefined) results.push(result)
  }
  if (isLast && results.length === 1 && Array.isArray(results[0])) return results[0]
  const items: unknown[] = []
  for (const result of results) {
    for (const item of elements(result)) items.push(item)
  }
  return new Sequence(items)
}

function lookUp(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = []
    for (const element of value) {
      const found = lookUp(element, name)
      if (found === undefined) continue
      for (const item of elements(found)) items.push(item)
    }
    return new Sequence(items)
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}

/** A sequence of none is nothing, and of one is that one. */
function single(value: unknown): unknown {
  if (!(value instanceof Sequence)) return value
  return value.items.length > 1 ? value : value.items[0]
}

function elements(value: unknown): readonly unknown[] {
  if (value instanceof Sequence) return value.items
  return Array.isArray(value) ? value : [value]
}
