import type {
  Configuration,
  PublicationConfiguration,
  SubscriptionConfiguration,
} from '../config/configuration.ts'
import { closest } from '../config/suggestion.ts'
import { addressOf, outboundQueue } from '../domain/outbound.ts'
import type { Json } from '../domain/json.ts'
import { createPublications, type Publications } from '../outbound/publications.ts'
import { compileTemplates, type Templates } from '../outbound/templates.ts'
import { MAX_PUBLISHED, type AdapterDefinition } from '../ports/adapter.ts'
import type { Clock } from '../ports/clock.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { PublicationDirectory } from '../ports/outbound.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { PoolSettings } from '../worker/settings.ts'
import { openMappings, subscriptionRules, type RuleSet } from './mappings.ts'

/** What an instance needs in order to send messages out. */
export interface Outbound {
  /** Evaluates the rules of subscriptions, and the templates of publications. */
  readonly mappings: Mappings
  /** They rest until adapters are bound to them. */
  readonly publications: Publications
  /** A pool for each of them: its messages wait for nobody else's. */
  readonly pools: readonly (PoolSettings & { readonly queue: string })[]
  /** Those that adapters are to be started for: none where nothing is published. */
  readonly configured: readonly PublicationConfiguration[]
}

/** What {@link openOutbound} needs beside the configuration. */
export interface OutboundParts {
  /** Whether this instance runs jobs: then it publishes. */
  readonly isPublishing: boolean
  /** Those that this instance takes messages in by. */
  readonly subscriptions: readonly SubscriptionConfiguration[]
  readonly adapters: readonly AdapterDefinition[]
  readonly clock: Clock
  readonly log: Log
}

/** Puts publications, their templates and their pools together. */
export function openOutbound(configuration: Configuration, parts: OutboundParts): Outbound {
  const { subscriptions, adapters, clock, log } = parts
  const prepared = parts.isPublishing ? preparePublications(configuration, adapters) : []
  const mappings = openMappings(
    [...subscriptionRules(subscriptions), ...templateRules(prepared)],
    log,
  )
  const publications = createPublications({ publications: prepared, mappings, closest, clock, log })
  const pools = publicationPools(prepared, publications)
  return { mappings, publications, pools, configured: prepared }
}

/** A publication of the configuration, its templates taken apart. */
interface PreparedPublication extends PublicationConfiguration {
  readonly address: string
  readonly templates: Templates
  readonly maxMessages: number
}

/** The publications of a configuration. */
function preparePublications(
  { publications, connections }: Pick<Configuration, 'publications' | 'connections'>,
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
    const connection = connections.find(
      (one) => one.protocol === protocol && one.name === publication.connection,
    )
    const most = connection && adapter?.maxInFlight?.(connection.options)
    return {
      ...publication,
      address: addressOf(protocol, name),
      templates,
      maxMessages: adapter?.publishes === 'singly' ? 1 : MAX_PUBLISHED,
      maxInFlight: Math.min(publication.maxInFlight, most ?? Infinity),
    }
  })
}

/** What has to be evaluated for their messages, under their addresses. */
function templateRules(prepared: readonly PreparedPublication[]): readonly RuleSet[] {
  return prepared.flatMap(({ address, templates: { rules } }) =>
    rules === undefined ? [] : [{ name: address, rules }],
  )
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

function publicationPools(
  prepared: readonly PreparedPublication[],
  { all }: Publications,
): readonly (PoolSettings & { readonly queue: string })[] {
  const most = new Map(prepared.map(({ address, maxInFlight }) => [address, maxInFlight]))
  return all.map(({ address, gate }) => ({
    name: address,
    queue: outboundQueue(address),
    workers: most.get(address) ?? 1,
    gate,
  }))
}
