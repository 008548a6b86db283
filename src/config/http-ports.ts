import { isLoopback } from '../domain/loopback.ts'
import type { NamedOptions, PublicationOptions } from './connections.ts'
import type { KeyPath } from './key-path.ts'
import { textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'
import type { SubscriptionOptions } from './subscriptions.ts'

const CONNECTIONS = ['integrations', 'http', 'connections']
const ALLOW = ['auth', 'allow_anonymous']

/** What a document has, as far as it can be read. */
export interface HttpUses {
  readonly connections: readonly NamedOptions[]
  readonly subscriptions: readonly SubscriptionOptions[]
  readonly publications: readonly PublicationOptions[]
}

/**
 * Checks the connections of `http` against what uses them: a port of its own is for subscriptions, a
 * `base_url` for publications, two ports are not one, and a port that others can reach takes nothing from strangers unless the file allows it.
 */
export function checkHttpPorts(
  document: ResolvedDocument,
  { connections, subscriptions, publications }: HttpUses,
): void {
  const http = connections.filter(({ protocol }) => protocol === 'http')
  const ports = new Set(http.filter(hasPort).map(({ name }) => name))
  const known = new Set(http.map(({ name }) => name))
  for (const { protocol, index, connection } of subscriptions) {
    if (protocol !== 'http' || connection === undefined) continue
    if (!known.has(connection) || ports.has(connection)) continue
    document.report(
      ['integrations', 'http', 'subscriptions', index, 'connection'],
      `${connection} has no listen: it is for what goes out. Leave connection out, and the instance's own port serves it`,
    )
  }
  for (const { protocol, name, connection } of publications) {
    if (protocol !== 'http' || !ports.has(connection)) continue
    document.report(
      ['integrations', 'http', 'publications', name],
      `${connection} is a port where messages come in; name a connection with base_url`,
    )
  }
  checkPlaces(document, [...ports])
  for (const name of ports) {
    const mine = subscriptions.filter((one) => one.protocol === 'http' && one.connection === name)
    checkExposure(document, name, mine)
  }
}

/** A port, and not an address. */
function hasPort({ options }: NamedOptions): boolean {
  return options['listen'] !== undefined
}

function checkPlaces(document: ResolvedDocument, names: readonly string[]): void {
  const first = new Map<string, string>()
  for (const name of names) {
    const listen = valueAt(document.value, [...CONNECTIONS, name, 'listen'])
    const port = valueAt(listen, ['port'])
    const host = textAt(listen, ['host']) ?? '127.0.0.1'
    if (typeof port !== 'number' || port === 0) continue
    const place = `${host.toLowerCase()}:${port}`
    const earlier = first.get(place)
    if (earlier === undefined) first.set(place, name)
    else
      document.report(
        [...CONNECTIONS, name, 'listen', 'port'],
        `is that of ${earlier} too; take another one, or have the subscriptions of both name one connection`,
      )
  }
}

/** As `http.host`, but that here a subscription can say by itself who may send. */
function checkExposure(
  document: ResolvedDocument,
  name: string,
  subscriptions: readonly SubscriptionOptions[],
): void {
  const at: KeyPath = [...CONNECTIONS, name, 'listen', 'host']
  const host = textAt(document.value, at)
  if (host === undefined || isLoopback(host)) return
  if (valueAt(document.value, ALLOW) === true || document.isUnsettled(ALLOW)) return
  const open = subscriptions.filter(({ options }) => options['verify'] === undefined)
  const [one] = open
  if (one === undefined) return
  const given = valueAt(document.value, [
    'integrations',
    'http',
    'subscriptions',
    one.index,
    'name',
  ])
  document.report(
    at,
    `others than this machine could send to the subscription ${String(given)}, which has no verify; give it one, listen on 127.0.0.1, or set auth.allow_anonymous to true where the network keeps strangers out`,
  )
}
