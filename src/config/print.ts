import type { AdapterDefinition } from '../ports/adapter.ts'
import type { LoadedConfiguration } from './load.ts'
import { valueAt } from './loose-value.ts'
import { childNodes, knownKeys, type SchemaNode, schemaNode } from './schema-node.ts'
import { configurationSchema } from './schema/root.ts'

/**
 * The effective configuration as JSON: what was given, references replaced, defaults filled in,
 * secrets masked. Keys that have no default and were left out are not in it.
 */
export function printConfiguration(
  loaded: LoadedConfiguration,
  adapters: readonly AdapterDefinition[],
): string {
  const root = schemaNode(configurationSchema(adapters))
  const effective = withDefaults(merged(loaded.masked, settledValues(loaded)), [root])
  return `${JSON.stringify(effective, null, 2)}\n`
}

/** A value with the defaults of these nodes where it says nothing, in the order of the schema. */
function withDefaults(value: unknown, nodes: readonly SchemaNode[]): unknown {
  const filled = value ?? nodes.find((node) => node.default !== undefined)?.default
  if (Array.isArray(filled)) {
    return filled.map((element: unknown, index) => withDefaults(element, childNodes(nodes, index)))
  }
  if (!isObject(filled)) return filled
  const keys = new Set([...knownKeys(nodes), ...Object.keys(filled)])
  const entries = [...keys].map(
    (key) => [key, withDefaults(valueAt(filled, [key]), childNodes(nodes, key))] as const,
  )
  return Object.fromEntries(entries.filter(([, child]) => child !== undefined))
}

/** What the loader settled and no default says. */
function settledValues({ configuration }: LoadedConfiguration): object {
  const { type, poolSize } = configuration.database
  return { database: { type, pool_size: poolSize }, http: { port: configuration.http.port } }
}

/** `over` laid upon `under`, object by object. */
function merged(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over ?? under
  const keys = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries(
    [...keys].map((key) => [key, merged(valueAt(under, [key]), valueAt(over, [key]))]),
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
