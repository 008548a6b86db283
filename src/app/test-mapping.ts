import type { Configuration } from '../config/configuration.ts'
import { closest } from '../config/suggestion.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Headers, NewJob } from '../domain/job.ts'
import type { InboundMessage } from '../domain/message.ts'
import { mapMessages } from '../ingest/map-messages.ts'
import { messageRows } from '../ingest/message-rows.ts'
import { routeMessages } from '../ingest/route-messages.ts'
import { createRegistry } from '../handler-kit/registry.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { Log } from '../ports/log.ts'
import { openMappings, subscriptionRules } from './mappings.ts'

/** What would become of one message. */
export type MappingPreview =
  | {
      readonly outcome: 'stored'
      /** By the names of the columns of `queue_jobs`; what the handler decides is left out. */
      readonly row: Readonly<Record<string, unknown>>
      /** The further rows of the same commit: one for each target of a route that wants it. */
      readonly routed: readonly Readonly<Record<string, unknown>>[]
    }
  | { readonly outcome: 'filtered' }
  | {
      readonly outcome: 'invalid'
      readonly reason: string
      readonly problems: readonly InputProblem[]
    }

/**
 * Applies schema, filter and map of a subscription to messages, as the subscription would, and stores
 * nothing. Runs no adapter and no handler: the identity of the protocol and the handler's input are not
 * looked at.
 * @throws CrossdockError `usage` when there is no such subscription
 */
export async function testMapping(
  configuration: Configuration,
  request: {
    readonly subscription: string
    readonly bodies: readonly Uint8Array[]
    readonly headers: Headers
  },
  log: Log,
): Promise<readonly MappingPreview[]> {
  const names = configuration.subscriptions.map(({ name }) => name)
  const subscription = configuration.subscriptions.find(
    ({ name, protocol }) =>
      name === request.subscription || `${protocol}:${name}` === request.subscription,
  )
  if (subscription === undefined) {
    const meant = closest(request.subscription, names)
    throw new CrossdockError(
      'usage',
      `There is no subscription '${request.subscription}'; ${meant === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean ${meant}?`}`,
    )
  }
  const { method, path } = subscription.options
  const messages = request.bodies.map((body): InboundMessage => ({
    protocol: subscription.protocol,
    subscription: subscription.name,
    method: typeof method === 'string' ? method : '',
    body,
    headers: request.headers,
    ...(typeof path === 'string' && { facts: { path } }),
    ...(subscription.protocol === 'http' && { query: {}, params: {} }),
  }))
  const mappings = openMappings(subscriptionRules([subscription]), log)
  try {
    const now = Date.now()
    const mapped = await mapMessages(messages, subscription, mappings, now)
    const results = await routeMessages(messages, mapped, subscription, mappings, now)
    return messages.flatMap((message, index): readonly MappingPreview[] => {
      const result = results[index]
      if (result === undefined) return []
      if (result.outcome !== 'mapped') return [result]
      const [row, ...routed] = messageRows({ message, subscription }, result, {
        handlers: createRegistry([]),
        makeId: () => '',
      })
      if (row === undefined) return [{ outcome: 'filtered' }]
      return [{ outcome: 'stored', row: columns(row), routed: routed.map(columns) }]
    })
  } finally {
    await mappings.stop()
  }
}

function columns(job: NewJob): Readonly<Record<string, unknown>> {
  const named = {
    handler: job.handler,
    direction: job.direction === 'outbound' ? job.direction : undefined,
    protocol: job.direction === 'outbound' ? job.protocol : undefined,
    method: job.direction === 'outbound' ? job.method : undefined,
    queue: job.queue,
    priority: job.priority,
    payload: job.payload,
    contenttype: job.contentType,
    payloadencoding: job.payloadEncoding,
    headers: job.headers,
    metadata: job.metadata,
    dedupekey: job.dedupeKey,
    orderingkey: job.orderingKey,
    tenantid: job.tenantId,
    correlationid: job.correlationId,
    scheduledat: job.scheduledAt?.toISOString(),
    maxretries: job.maxRetries,
    timeout: job.timeoutSeconds,
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
}
