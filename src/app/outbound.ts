import type { Configuration, PublicationConfiguration } from '../config/configuration.ts'
import { closest } from '../config/suggestion.ts'
import { addressOf, outboundQueue } from '../domain/outbound.ts'
import type { Json } from '../domain/json.ts'
import { createPublications, type Publications } from '../outbound/publications.ts'
import { compileTemplates, type Templates } from '../outbound/templates.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import type { Clock } from '../ports/clock.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { PublicationDirectory } from '../ports/outbound.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { PoolSettings } from '../worker/settings.ts'
import type { RuleSet } from './mappings.ts'

/** A publication of the configuration, its templates taken apart. */
export interface PreparedPublication extends PublicationConfiguration {
  readonly address: string
  readonly templates: Templates
}

/** The publications of a configuration. */
export function preparePublications(
  { publications }: Pick<Configuration, 'publications'>,
  adapters: readonly AdapterDefinition[],
): readonly PreparedPublication[] {
  return publications.map((publication) => {
    const { protocol, name, key, headers, options } = publication
    const adapter = adapters.find((one) => one.protocol === protocol)
    // Checked by the adapter's schema, and read from a file of JSON.
    const target = Object.fromEntries(
      (adapter?.templates ?? []).flatMap((own): [string, Json][] =>
        options[own] === undefined ? [] : [[own, options[own] as Json]],
      ),
    )
    const templates = compileTemplates({ key, headers, target })
    return { ...publication, address: addressOf(protocol, name), templates }
  })
}

/** What has to be evaluated for their messages, under their addresses. */
export function templateRules(prepared: readonly PreparedPublication[]): readonly RuleSet[] {
  return prepared.flatMap(({ address, templates: { rules } }) =>
    rules === undefined ? [] : [{ name: address, rules }],
  )
}

/** The publications of an instance, which rest until adapters are bound to them. */
export function openPublications(
  prepared: readonly PreparedPublication[],
  parts: { readonly mappings: Mappings; readonly clock: Clock; readonly log: Log },
): Publications {
  return createPublications({ ...parts, publications: prepared, closest })
}

/** Publishes by these connections from now on. */
export function publishBy(publisher: Publisher, { all, publishers }: Publications): void {
  for (const { address } of all) {
    publishers.bind(address, (messages, signal) => publisher.publish(address, messages, signal))
  }
  publisher.onConnected((addresses, isConnected) => {
    for (const address of addresses) publishers.connected(address, isConnected)
  })
}

/** Where handlers may publish to, for those that only try it. */
export function publicationDirectory({
  publications,
}: Pick<Configuration, 'publications'>): PublicationDirectory {
  const byAddress = new Map(publications.map((one) => [addressOf(one.protocol, one.name), one]))
  return {
    find: (address) => byAddress.get(address),
    closest: (address) => closest(address, byAddress.keys()),
  }
}

/** The handlers of an instance, and for outbound rows those of its publications. */
export function withPublications(
  handlers: HandlerRegistry,
  publications: Publications,
): HandlerRegistry {
  return {
    ...handlers,
    handlerOf: (job) => publications.handlerOf(job) ?? handlers.handlerOf(job),
  }
}

/** A pool for each publication: its messages wait for nobody else's. */
export function publicationPools(
  { publications }: Pick<Configuration, 'publications'>,
  { all }: Publications,
): readonly (PoolSettings & { readonly queue: string })[] {
  const most = new Map(
    publications.map(({ protocol, name, maxInFlight }) => [addressOf(protocol, name), maxInFlight]),
  )
  return all.map(({ address, gate }) => ({
    name: address,
    queue: outboundQueue(address),
    workers: most.get(address) ?? 1,
    gate,
  }))
}
