import { addressedAt, publicationsIn, subscriptionsIn, type Addressed } from './addresses.ts'
import { type KeyPath, pathText } from './key-path.ts'
import { elementsAt, textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

/**
 * Checks `routes` and `dead_letter` against subscriptions and publications, and that each subscription leads somewhere.
 * Returns sentences on what is allowed and probably not meant.
 */
export function checkRoutes(document: ResolvedDocument): readonly string[] {
  const subscriptions = subscriptionsIn(document)
  const publications = publicationsIn(document)
  const warnings: string[] = []
  const names = new Map<string, KeyPath>()
  const rows = new Map<string, KeyPath>()
  const routed = new Set<string>()

  for (const index of elementsAt(document.value, ['routes']).keys()) {
    const at = ['routes', index]
    const name = textAt(document.value, [...at, 'name'])
    if (name !== undefined) once(document, names, name, [...at, 'name'], 'each name is used once')
    const stated = textAt(document.value, [...at, 'from'])
    // One that leads nowhere is told of by itself: its subscription is not said to lead nowhere, too.
    if (stated !== undefined) routed.add(stated)
    const from = addressedAt(document, [...at, 'from'], subscriptions, 'subscription')
    for (const place of elementsAt(document.value, [...at, 'to']).keys()) {
      const toAt = [...at, 'to', place]
      const to = addressedAt(document, toAt, publications, 'publication')
      if (to === undefined || from === undefined) continue
      const row = `${from.address} > ${to.address}`
      once(
        document,
        rows,
        row,
        toAt,
        `both would make the same row of a message from ${from.address}; remove one`,
      )
      if (leadsBack(document.value, from, to)) {
        warnings.push(
          `'${pathText(toAt)}': ${to.address} sends to where ${from.address} takes its messages from: each message would go round for ever, unless a filter stops it.`,
        )
      }
    }
  }

  for (const subscription of subscriptions) {
    const at = [...subscription.at, 'dead_letter']
    const target = addressedAt(document, at, publications, 'publication')
    if (target !== undefined && leadsBack(document.value, subscription, target)) {
      warnings.push(
        `'${pathText(at)}': ${target.address} sends to where ${subscription.address} takes its messages from: a dead letter would come back again and again.`,
      )
    }
    const handler = [...subscription.at, 'handler']
    const hasHandler =
      textAt(document.value, handler) !== undefined || document.isUnsettled(handler)
    if (!hasHandler && !routed.has(subscription.address)) {
      document.report(
        handler,
        `is missing: its messages lead nowhere; name a handler, or add a route with "from": "${subscription.address}"`,
      )
    }
  }
  return warnings
}

function once(
  document: ResolvedDocument,
  seen: Map<string, KeyPath>,
  value: string,
  at: KeyPath,
  why: string,
): void {
  const earlier = seen.get(value)
  if (earlier === undefined) seen.set(value, at)
  else document.report(at, `has the same value as ${pathText(earlier)}; ${why}`)
}

/** Keys under which brokers' publications name one place, and subscriptions one or several. */
const PLACES = ['topic', 'destination', 'event'] as const

/**
 * Whether what the publication sends comes in by the subscription, as far as the file shows it: the same protocol and
 * connection, and a place without a template that is one of the subscription's.
 */
function leadsBack(value: unknown, subscription: Addressed, publication: Addressed): boolean {
  const [protocol] = subscription.address.split(':')
  if (!publication.address.startsWith(`${protocol ?? ''}:`)) return false
  const connection = textAt(value, [...subscription.at, 'connection'])
  const other = textAt(value, [...publication.at, 'connection'])
  if (connection !== undefined && other !== undefined && connection !== other) return false
  const sent = PLACES.map((key) => textAt(value, [...publication.at, key])).find(
    (place) => place !== undefined && !place.includes('{{'),
  )
  return sent !== undefined && placesOf(value, subscription.at).some((place) => covers(place, sent))
}

function placesOf(value: unknown, at: KeyPath): readonly string[] {
  const several = elementsAt(value, [...at, 'topics']).flatMap((topic) => {
    const text = typeof topic === 'string' ? topic : valueAt(topic, ['topic'])
    return typeof text === 'string' ? [text] : []
  })
  const one = PLACES.flatMap((key) => textAt(value, [...at, key]) ?? [])
  return [...several, ...one]
}

/** With the wildcards of MQTT, which no name of another protocol's has by chance. */
function covers(filter: string, place: string): boolean {
  const wanted = filter.split('/')
  const sent = place.split('/')
  for (const [index, step] of wanted.entries()) {
    if (step === '#') return true
    if (sent[index] === undefined || (step !== '+' && step !== sent[index])) return false
  }
  return wanted.length === sent.length
}
