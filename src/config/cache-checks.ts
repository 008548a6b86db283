import type { KeyPath } from './key-path.ts'
import { valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

const NODES: KeyPath = ['cache', 'redis', 'nodes']
const FORM = 'redis://user:password@host:port/database, or rediss:// with TLS'
const DEFAULT_PORT = '6379'

/** Checks `cache.redis.nodes`. Never shows an address: it holds a password. */
export function checkCache(document: ResolvedDocument): void {
  const seen = new Map<string, number>()
  for (const [index, node] of nodesIn(document.value).entries()) {
    if (typeof node !== 'string') continue
    const path = [...NODES, index]
    if (document.isUnsettled(path)) continue
    const problem = addressProblem(node)
    if (problem !== undefined) {
      document.report(path, problem)
      continue
    }
    const place = placeOf(node)
    const former = seen.get(place)
    if (former === undefined) seen.set(place, index)
    else {
      // Two databases of one server fall together, too.
      document.report(
        path,
        `is the same server as cache.redis.nodes[${former}], and would count twice in a majority; remove one of the two`,
      )
    }
  }
}

/** Sentences on what is allowed and probably not meant. */
export function cacheWarnings(value: unknown): readonly string[] {
  const isRedis = valueAt(value, ['cache', 'adapter']) === 'redis'
  const warnings: string[] = []
  if (!isRedis && valueAt(value, ['jobs', 'use_redis']) === true) {
    warnings.push(
      "'jobs.use_redis' has no effect: cache.adapter is not redis, and the database alone decides who runs what.",
    )
  }
  const isUnstated = valueAt(value, ['cache', 'adapter']) === undefined
  if (isUnstated && valueAt(value, ['cache', 'redis']) !== undefined) {
    warnings.push(
      "'cache.redis' has no effect: cache.adapter is left out. Set it to redis, or to none.",
    )
  }
  const count = nodesIn(value).length
  if (isRedis && count > 0 && count % 2 === 0) {
    warnings.push(
      `'cache.redis.nodes' has ${count} nodes: a majority of them survives the loss of no more nodes than one of ${count - 1} does. Use an odd number.`,
    )
  }
  return warnings
}

function nodesIn(value: unknown): readonly unknown[] {
  const nodes = valueAt(value, NODES)
  return Array.isArray(nodes) ? nodes : []
}

function addressProblem(text: string): string | undefined {
  const form = `write ${FORM}, special characters of the password percent-encoded`
  // A space would be taken as part of the password, and what masks passwords ends at one.
  if (/\s/.test(text) || !URL.canParse(text)) return `is no address of a server; ${form}`
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text)
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    return `is no address of a Redis server; ${form}`
  }
  if (hostname === '') return `names no host; ${form}`
  if (!/^(?:\/\d{0,5})?$/.test(pathname)) {
    return `names no database by its number behind the host; ${form}`
  }
  if (search !== '' || hash !== '') return 'takes nothing after a "?" or a "#"'
  if (!isEncoded(username) || !isEncoded(password)) {
    return `has a "%" that begins no percent-encoded character; ${form}`
  }
  return undefined
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function placeOf(address: string): string {
  const { hostname, port } = new URL(address)
  return `${hostname.toLowerCase()}:${port === '' ? DEFAULT_PORT : port}`
}
