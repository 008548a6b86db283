import type { AdapterDefinition } from '../ports/adapter.ts'
import { alternatives, childNodes, knownKeys, type SchemaNode, schemaNode } from './schema-node.ts'
import { configurationSchema } from './schema/root.ts'

const HEAD = ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |']

/** Every key that this version takes, as a Markdown table without a newline at its end. */
export function configurationTable(adapters: readonly AdapterDefinition[] = []): string {
  const root = schemaNode(configurationSchema(adapters))
  return [...HEAD, ...rowsBelow([root], '')].join('\n')
}

/** What an adapter has keys for: each part may stand at its own place of the adapter's page. */
export const ADAPTER_PARTS = ['integration', 'connection', 'subscription', 'publication'] as const

/** One part of an adapter's keys. */
export type AdapterPart = (typeof ADAPTER_PARTS)[number]

/** The parts for which an adapter has keys of its own. */
export function adapterParts(adapter: AdapterDefinition): readonly AdapterPart[] {
  return ADAPTER_PARTS.filter((part) => partRows(adapter, part).length > 0)
}

/** The keys of these parts of an adapter, below `integrations.<protocol>`, as such a table. */
export function adapterTable(adapter: AdapterDefinition, parts: readonly AdapterPart[]): string {
  return [...HEAD, ...parts.flatMap((part) => partRows(adapter, part))].join('\n')
}

function partRows(adapter: AdapterDefinition, part: AdapterPart): readonly string[] {
  const { integrationOptions, connectionOptions, subscriptionOptions, publicationOptions } = adapter
  const [prefix, schema] = {
    integration: ['', integrationOptions] as const,
    connection: ['connections.NAME', connectionOptions] as const,
    subscription: ['subscriptions[]', subscriptionOptions] as const,
    publication: ['publications.NAME', publicationOptions] as const,
  }[part]
  return schema === undefined ? [] : rowsBelow([schemaNode(schema)], prefix)
}

function rowsBelow(nodes: readonly SchemaNode[], prefix: string): readonly string[] {
  const required = new Set(nodes.flatMap((node) => node.required ?? []))
  const named = knownKeys(nodes).flatMap((key) =>
    rows(childNodes(nodes, key), prefix === '' ? key : `${prefix}.${key}`, required.has(key)),
  )
  const free = nodes
    .flatMap(alternatives)
    .flatMap(({ additionalProperties: node }) => (typeof node === 'object' ? [node] : []))
  return [...named, ...free.flatMap((node) => rowsBelow([node], `${prefix}.NAME`))]
}

function rows(nodes: readonly SchemaNode[], key: string, isRequired: boolean): readonly string[] {
  const elements = nodes.flatMap((node) => childNodes([node], 0))
  const below = [
    ...rowsBelow(nodes, key),
    ...(elements.length > 0 ? rowsBelow(elements, `${key}[]`) : []),
  ]
  const [node] = nodes
  if (node === undefined) return below
  const fallback = isRequired ? 'required' : defaultText(node)
  const cells = [`\`${key}\``, typeText(node), fallback, node.description ?? '']
  return [`| ${cells.map(cell).join(' | ')} |`, ...below]
}

function typeText(node: SchemaNode): string {
  if (typeof node['term'] === 'string') return node['term']
  if (node.enum !== undefined) {
    return node.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  }
  return alternatives(node)
    .map(({ type, items }) =>
      type === 'array' && isText(items) ? 'list of strings' : (type ?? 'any'),
    )
    .map((word) => (word === 'array' ? 'list' : word))
    .join(' or ')
}

function isText(items: SchemaNode['items']): boolean {
  return typeof items === 'object' && !Array.isArray(items) && items.type === 'string'
}

function defaultText(node: SchemaNode): string {
  // An empty object as the default says no more than the defaults of its keys.
  const isSection = alternatives(node).some((one) => one.type === 'object' && one.properties)
  if (node.default === undefined || (isSection && typeof node.default === 'object')) return ''
  return `\`${JSON.stringify(node.default)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
