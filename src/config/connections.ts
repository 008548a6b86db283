import type { z } from 'zod'
import type { Protocol } from '../domain/job-type.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import { reportIssues } from './issues.ts'
import type { KeyPath } from './key-path.ts'
import { textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'
import { closest } from './suggestion.ts'

/** A named entry of `connections` or `publications`, as far as it can be read. */
export interface NamedOptions {
  readonly protocol: Protocol
  readonly name: string
  /** The adapter's own keys. */
  readonly options: Readonly<Record<string, unknown>>
}

/** A publication of the file, as far as it can be read. */
export interface PublicationOptions extends NamedOptions {
  readonly connection: string
}

/** What an adapter does for the whole of an instance, as far as it can be read. */
export interface IntegrationOptions {
  readonly protocol: Protocol
  readonly options: Readonly<Record<string, unknown>>
}

/** Checks the keys that stand beside an adapter's connections. Returns those that are sound. */
export function checkIntegrations(
  document: ResolvedDocument,
  adapters: readonly AdapterDefinition[],
): readonly IntegrationOptions[] {
  return adapters.flatMap(({ protocol, integrationOptions: schema }) => {
    const at = ['integrations', protocol]
    if (schema === undefined) return []
    // A second look, at the adapter's own object: its refinements see more than one key.
    const parsed = schema.safeParse(keysOf(document, at, schema))
    if (parsed.success) return [{ protocol, options: parsed.data }]
    reportIssues(parsed.error.issues, document, at)
    return []
  })
}

/** Checks each connection against its adapter. Returns those that are sound. */
export function checkConnections(
  document: ResolvedDocument,
  adapters: readonly AdapterDefinition[],
): readonly NamedOptions[] {
  return adapters.flatMap((adapter) =>
    namesAt(document, adapter.protocol, 'connections').flatMap((name) =>
      ownOptions(document, adapter, 'connections', name),
    ),
  )
}

/** Checks each publication against its adapter and its connection. Returns those that are sound. */
export function checkPublications(
  document: ResolvedDocument,
  adapters: readonly AdapterDefinition[],
): readonly PublicationOptions[] {
  return adapters.flatMap((adapter) =>
    namesAt(document, adapter.protocol, 'publications').flatMap((name) => {
      const at = ['integrations', adapter.protocol, 'publications', name]
      const connection = connectionOf(document, adapter.protocol, at, false)
      const found = ownOptions(document, adapter, 'publications', name)
      return connection === undefined ? [] : found.map((one) => ({ ...one, connection }))
    }),
  )
}

/**
 * The connection that the entry `at` names, or the only one of its protocol. Reports one that is not there;
 * `undefined`: none.
 */
export function connectionOf(
  document: ResolvedDocument,
  protocol: Protocol,
  at: KeyPath,
  isOptional: boolean,
): string | undefined {
  const names = namesAt(document, protocol, 'connections')
  const stated = textAt(document.value, [...at, 'connection'])
  if (stated !== undefined) {
    if (names.includes(stated)) return stated
    const meant = closest(stated, names)
    document.report(
      [...at, 'connection'],
      names.length === 0
        ? `there is no connection; add integrations.${protocol}.connections.${stated}`
        : `there is no connection ${JSON.stringify(stated)}; ${meant === undefined ? `take one of ${names.join(', ')}` : `did you mean ${meant}?`}`,
    )
    return undefined
  }
  if (isOptional) return undefined
  if (names.length === 1) return names[0]
  document.report(
    at,
    names.length === 0
      ? `needs a connection, and there is none; add one below integrations.${protocol}.connections`
      : `needs the key connection: there are ${names.join(', ')}`,
  )
  return undefined
}

function namesAt(
  document: ResolvedDocument,
  protocol: Protocol,
  kind: 'connections' | 'publications',
): readonly string[] {
  const entries = valueAt(document.value, ['integrations', protocol, kind])
  return typeof entries === 'object' && entries !== null ? Object.keys(entries) : []
}

function ownOptions(
  document: ResolvedDocument,
  adapter: AdapterDefinition,
  kind: 'connections' | 'publications',
  name: string,
): readonly NamedOptions[] {
  const at = ['integrations', adapter.protocol, kind, name]
  const schema = kind === 'connections' ? adapter.connectionOptions : adapter.publicationOptions
  // A second look, at the adapter's own object: its refinements see more than one key.
  const parsed = schema.safeParse(keysOf(document, at, schema))
  if (parsed.success) return [{ protocol: adapter.protocol, name, options: parsed.data }]
  reportIssues(parsed.error.issues, document, at)
  return []
}

/** What stands at `at` of the keys of `schema`. */
function keysOf(
  document: ResolvedDocument,
  at: KeyPath,
  schema: z.ZodObject,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(schema.shape)
      .map((key): [string, unknown] => [key, valueAt(document.value, [...at, key])])
      .filter(([, value]) => value !== undefined),
  )
}
