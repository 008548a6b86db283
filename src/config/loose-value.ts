import type { KeyPath } from './key-path.ts'

/** The value at `path` in a value that nobody has checked; `undefined`: there is none. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) {
      return undefined
    }
    current = Reflect.get(current, step)
  }
  return current
}

/** The elements of the list at `path`; none where there is no list. */
export function elementsAt(value: unknown, path: KeyPath): readonly unknown[] {
  const list = valueAt(value, path)
  return Array.isArray(list) ? list : []
}

/** The text at `path`; an empty one counts as left out, as a variable without a value makes it. */
export function textAt(value: unknown, path: KeyPath): string | undefined {
  const text = valueAt(value, path)
  return typeof text === 'string' && text !== '' ? text : undefined
}
