import type { z } from 'zod'
import type { AdapterDefinition } from '../ports/adapter.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'
import { configurationSchema } from './schema/root.ts'

type Schema = z.core.JSONSchema.JSONSchema | boolean

/** Words of ours in the nodes, for messages and tables; editors would not know them. */
const OWN_WORDS = ['expects', 'term', 'expression']

/** Words that say something about a key, and nothing about the form of its value. */
const ANNOTATIONS = ['description', 'default', 'title']

/** A text with a reference in it, which may stand for a value of any type. */
const REFERENCE: SchemaNode = { type: 'string', pattern: '\\$\\{' }

/**
 * The JSON Schema of a configuration file, for editors: what this version takes, with descriptions
 * and defaults. Wherever a value has a form, a text that holds a reference is allowed as well.
 */
export function configurationJsonSchema(adapters: readonly AdapterDefinition[] = []): object {
  const root = withinNode(schemaNode(configurationSchema(adapters)))
  return { title: 'Crossdock configuration', ...root }
}

/** The same for one key's value: its form, or a reference. */
function valueNode(node: SchemaNode): SchemaNode {
  const plain = withinNode(node)
  if (plain.anyOf !== undefined) return { ...plain, anyOf: [...plain.anyOf, REFERENCE] }
  if (!hasForm(plain)) return plain
  const [annotations, form] = [true, false].map((wanted) =>
    Object.fromEntries(
      Object.entries(plain).filter(([word]) => ANNOTATIONS.includes(word) === wanted),
    ),
  )
  return { ...annotations, anyOf: [form ?? {}, REFERENCE] }
}

/** Our words taken out of a node, and references let into the values below it. */
function withinNode(node: SchemaNode): SchemaNode {
  const plain: SchemaNode = Object.fromEntries(
    Object.entries(node).filter(([word]) => !OWN_WORDS.includes(word)),
  )
  const { properties, additionalProperties, propertyNames, items, anyOf } = plain
  if (properties !== undefined) {
    plain.properties = Object.fromEntries(
      Object.entries(properties).map(([key, child]) => [key, convert(child, valueNode)]),
    )
  }
  if (additionalProperties !== undefined) {
    plain.additionalProperties = convert(additionalProperties, valueNode)
  }
  if (propertyNames !== undefined) plain.propertyNames = convert(propertyNames, withinNode)
  if (items !== undefined && !Array.isArray(items)) plain.items = convert(items, valueNode)
  if (anyOf !== undefined) plain.anyOf = anyOf.map((option) => withinNode(option))
  return plain
}

function convert(schema: Schema, one: (node: SchemaNode) => SchemaNode): Schema {
  return typeof schema === 'boolean' ? schema : one(schema)
}

/** Whether a text with a reference would not fit: not for sections, which are objects, nor for any text. */
function hasForm(node: SchemaNode): boolean {
  if (node.type === undefined && node.enum === undefined) return false
  if (node.type === 'object') return false
  const words = Object.keys(node).filter((word) => !ANNOTATIONS.includes(word))
  return node.type !== 'string' || words.length > 1
}
