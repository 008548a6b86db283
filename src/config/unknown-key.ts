import { type KeyPath, pathText } from './key-path.ts'
import { childNodes, knownKeys, type SchemaNode } from './schema-node.ts'
import { closest } from './suggestion.ts'
import { unavailableKeysBelow } from './unavailable.ts'

/**
 * What to say of a key that has no place where it stands: the key that was probably meant, there or
 * elsewhere in the configuration; else the keys that there are.
 */
export function unknownKeyMessage(
  path: KeyPath,
  nodes: readonly SchemaNode[],
  root: SchemaNode,
): string {
  const key = String(path.at(-1) ?? '')
  const parent = path.slice(0, -1)
  const known = knownKeys(nodes)
  const near = closest(key, [...known, ...unavailableKeysBelow(parent)])
  if (near !== undefined) return `unknown key; did you mean '${pathText([...parent, near])}'?`
  const elsewhere = findKey(key, [root], [])
  if (elsewhere !== undefined) return `unknown key; did you mean '${elsewhere}'?`
  if (known.length === 0) return 'unknown key; nothing is expected here'
  return `unknown key; the keys here are ${known.join(', ')}`
}

/** The first place in the schema that has a key of this name. */
function findKey(key: string, nodes: readonly SchemaNode[], path: KeyPath): string | undefined {
  const keys = knownKeys(nodes)
  if (keys.includes(key)) return pathText([...path, key])
  for (const step of keys) {
    const found = findKey(key, childNodes(nodes, step), [...path, step])
    if (found !== undefined) return found
  }
  return undefined
}
