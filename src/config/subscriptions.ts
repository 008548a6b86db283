import { z } from 'zod'
import type { Protocol } from '../domain/job-type.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import { RESERVED_PATHS } from '../ports/reserved-paths.ts'
import { connectionOf } from './connections.ts'
import { reportIssues } from './issues.ts'
import { type KeyPath, pathText } from './key-path.ts'
import { elementsAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

const httpOptions = z.object({
  path: z.string(),
  method: z.union([z.string(), z.array(z.string())]).default('POST'),
})

/** One subscription of the file, as far as it can be read. */
export interface SubscriptionOptions {
  readonly protocol: Protocol
  /** The connection that it names, or the only one there is. */
  readonly connection: string | undefined
  /** In the protocol's list. */
  readonly index: number
  readonly options: Readonly<Record<string, unknown>>
  /** Which messages have no identity, as words after "when"; `undefined`: each has one. */
  readonly atLeastOnceWhen: string | undefined
}

/**
 * Checks each subscription against its adapter, and all of them against each other. Returns the
 * adapters' own options of those that are sound.
 */
export function checkSubscriptions(
  document: ResolvedDocument,
  adapters: readonly AdapterDefinition[],
): readonly SubscriptionOptions[] {
  const subscriptions = adapters.flatMap((adapter) => {
    return elementsAt(document.value, listPath(adapter.protocol)).flatMap((element, index) =>
      adapterOptions(document, adapter, element, index),
    )
  })
  checkNames(document, adapters)
  checkRoutes(document, subscriptions)
  return subscriptions
}

function adapterOptions(
  document: ResolvedDocument,
  adapter: AdapterDefinition,
  element: unknown,
  index: number,
): readonly SubscriptionOptions[] {
  const keys = Object.keys(adapter.subscriptionOptions.shape)
  const own: Record<string, unknown> = Object.fromEntries(
    keys
      .map((key): [string, unknown] => [key, valueAt(element, [key])])
      .filter(([, value]) => value !== undefined),
  )
  // A second look, at the adapter's own object: its refinements see more than one key.
  const parsed = adapter.subscriptionOptions.safeParse(own)
  if (parsed.success) {
    const options = parsed.data
    const atLeastOnceWhen =
      adapter.withoutIdentity === undefined
        ? 'it is sent again: its protocol gives messages no identity'
        : adapter.withoutIdentity(options)
    const { protocol } = adapter
    const at = [...listPath(protocol), index]
    const isOptional = adapter.subscriptionConnection === 'optional'
    const connection = connectionOf(document, protocol, at, isOptional)
    return [{ protocol, connection, index, options, atLeastOnceWhen }]
  }
  reportIssues(parsed.error.issues, document, [...listPath(adapter.protocol), index])
  return []
}

/** The inbox keys of `POST /api/jobs` begin with it. */
const API_NAME = 'api'

/** Across protocols too: inbox keys begin with the name alone, and equal ones are one message. */
function checkNames(document: ResolvedDocument, adapters: readonly AdapterDefinition[]): void {
  const first = new Map<string, KeyPath>()
  for (const { protocol } of adapters) {
    const list = listPath(protocol)
    for (const [index, element] of elementsAt(document.value, list).entries()) {
      const name = valueAt(element, ['name'])
      if (typeof name !== 'string') continue
      const path = [...list, index, 'name']
      if (name === API_NAME) {
        document.report(
          path,
          `the name ${API_NAME} is reserved for POST /api/jobs, whose inbox keys begin with it; take another`,
        )
      }
      const earlier = first.get(name)
      if (earlier === undefined) first.set(name, path)
      else
        document.report(path, `has the same value as ${pathText(earlier)}; each name is used once`)
    }
  }
}

function checkRoutes(
  document: ResolvedDocument,
  subscriptions: readonly SubscriptionOptions[],
): void {
  const first = new Map<string, KeyPath>()
  for (const subscription of subscriptions) {
    if (subscription.protocol !== 'http') continue
    const parsed = httpOptions.safeParse(subscription.options)
    if (!parsed.success) continue
    const path = [...listPath('http'), subscription.index, 'path']
    const reserved = RESERVED_PATHS.find((one) => isBelow(parsed.data.path, one))
    if (reserved !== undefined) {
      document.report(
        path,
        `${reserved} and the paths below it are reserved; take another, such as /in/…`,
      )
    }
    for (const method of [parsed.data.method].flat()) {
      // The names of parameters do not tell two routes apart.
      const at = subscription.connection ?? ''
      const route = `${at} ${method.toUpperCase()} ${parsed.data.path.replaceAll(/:[^/]+/g, ':')}`
      const earlier = first.get(route)
      if (earlier === undefined) first.set(route, path)
      else
        document.report(
          path,
          `takes the same requests as ${pathText(earlier)}; change its path or method`,
        )
    }
  }
}

function listPath(protocol: Protocol): KeyPath {
  return ['integrations', protocol, 'subscriptions']
}

function isBelow(path: string, reserved: string): boolean {
  return path === reserved || path.startsWith(`${reserved}/`)
}
