import { z } from 'zod'

/**
 * One place of the JSON Schema that is made from the zod schema. The loader walks this, and not zod's
 * own objects: it is plain data of a published form, and what editors and the documentation see.
 */
export type SchemaNode = z.core.JSONSchema.BaseSchema

/** The JSON Schema of what may stand in a file, with `expects` and `term` beside the standard's words. */
export function schemaNode(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

/** The nodes that a value may be checked against: the node itself, or each of its alternatives. */
export function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf === undefined
    ? [node]
    : node.anyOf.flatMap((one) => nodesOf(one).flatMap(alternatives))
}

/** The keys that an object at any of these nodes may have by name. */
export function knownKeys(nodes: readonly SchemaNode[]): readonly string[] {
  return [
    ...new Set(nodes.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {}))),
  ]
}

/** The nodes for `step` below these nodes; empty: it has no place there; `{}` takes anything. */
export function childNodes(
  nodes: readonly SchemaNode[],
  step: string | number,
): readonly SchemaNode[] {
  return nodes.flatMap(alternatives).flatMap((node) => childOf(node, step))
}

/** The JSON types that a value at any of these nodes may have; empty: any. */
export function acceptedTypes(nodes: readonly SchemaNode[]): ReadonlySet<string> {
  return new Set(nodes.flatMap(alternatives).flatMap((node) => node.type ?? []))
}

/** What a value at any of these nodes must be, in words: `a whole number from 0 to 65535`. */
export function expectation(nodes: readonly SchemaNode[]): string {
  const words = nodes.flatMap((node) => {
    const stated = node['expects']
    return typeof stated === 'string' ? [stated] : alternatives(node).map(alternativeWords)
  })
  return [...new Set(words)].join(' or ')
}

function childOf(node: SchemaNode, step: string | number): readonly SchemaNode[] {
  if (typeof step === 'number') {
    return Array.isArray(node.items)
      ? []
      : nodesOf(node.items ?? (acceptsAnything(node) ? true : false))
  }
  const named = Object.hasOwn(node.properties ?? {}, step) ? node.properties?.[step] : undefined
  return nodesOf(named ?? node.additionalProperties ?? acceptsAnything(node))
}

function acceptsAnything(node: SchemaNode): boolean {
  return node.type === undefined && node.properties === undefined && node.items === undefined
}

function nodesOf(schema: z.core.JSONSchema.JSONSchema | boolean): readonly SchemaNode[] {
  if (typeof schema === 'boolean') return schema ? [{}] : []
  return [schema]
}

function alternativeWords(node: SchemaNode): string {
  if (node.const !== undefined) return JSON.stringify(node.const)
  if (node.enum !== undefined) return oneOf(node.enum)
  switch (node.type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `a whole number${range(node)}`
    case 'number':
      return `a number${range(node)}`
    case 'string':
      return stringWords(node)
    case 'array':
      return 'a list: [ … ]'
    case 'object':
      return 'an object: { … }'
    case 'null':
      return 'null'
    case undefined:
      return 'a value'
    default:
      return `a value of type ${String(node.type)}`
  }
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map((value) => JSON.stringify(value))
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`
}

function stringWords({ minLength = 0, maxLength, pattern }: SchemaNode): string {
  if (pattern !== undefined) return `a text that matches ${pattern}`
  if (maxLength !== undefined) return `a text of ${minLength} to ${maxLength} characters`
  return minLength > 0 ? 'a text that is not empty' : 'a text in double quotes'
}

function range({ minimum, maximum }: SchemaNode): string {
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  if (least !== undefined) return ` of at least ${least}`
  return most === undefined ? '' : ` of at most ${most}`
}
