import type { AdapterContext, AdapterDefinition, RunningAdapter } from '../../src/ports/adapter.ts'
import type { HttpHost, HttpPort, HttpResponse } from '../../src/ports/http-host.ts'
import { type HttpConnectionOptions, httpConnectionOptions } from './connection-options.ts'
import { withoutIdentity } from './identity.ts'
import { type HttpSubscriptionOptions, httpSubscriptionOptions } from './options.ts'
import { probeHost } from './probe.ts'
import { createPublisher } from './outbound/publisher.ts'
import { type HttpPublicationOptions, httpPublicationOptions } from './publication-options.ts'
import { createReceiver } from './receiver.ts'

type Context = AdapterContext<
  HttpSubscriptionOptions,
  HttpConnectionOptions,
  HttpPublicationOptions
>

/** How long requests under way on a port of our own may take at a stop, in milliseconds. */
const PORT_GRACE_MS = 10_000

/**
 * Takes requests in as messages, and sends messages as requests. Inbound, the answer is the acknowledgement: 202
 * is sent when `deliver` has resolved, which is after COMMIT; when it rejects nothing is stored, and the
 * answer says so. Outbound, the status of the answer is the confirmation.
 */
export const httpAdapter: AdapterDefinition<
  typeof httpSubscriptionOptions,
  typeof httpConnectionOptions,
  typeof httpPublicationOptions
> = {
  protocol: 'http',
  subscriptionOptions: httpSubscriptionOptions,
  connectionOptions: httpConnectionOptions,
  publicationOptions: httpPublicationOptions,
  templates: ['path', 'query', 'body'],
  publishes: 'singly',
  probe: probeHost,
  maxInFlight: ({ max_connections: most }) => most,
  subscriptionConnection: 'optional',
  withoutIdentity,
  start,
}

async function start(context: Context): Promise<RunningAdapter> {
  const { connection, publications, log } = context
  const underWay = new Set<Promise<unknown>>()
  let stopped = false
  const port = ownPort(context)
  receiveAll(context, port ?? context.http, {
    isStopped: () => stopped,
    track: (answer) => {
      underWay.add(answer)
      const forget = (): void => {
        underWay.delete(answer)
      }
      answer.then(forget, forget)
    },
  })
  const listening = await port?.listen()
  if (listening !== undefined) {
    log.info({ url: listening.url }, 'listens on a port of its own')
  }

  const publisher =
    connection?.options.base_url === undefined
      ? undefined
      : createPublisher(connection.options, publications)
  // Whether the far side is there is known by each request alone.
  context.connected(true)

  return {
    health: () => {
      if (stopped) return { status: 'down', detail: 'stopped' }
      return publisher?.health() ?? { status: 'ok', ...(listening && { detail: listening.url }) }
    },
    ...(publisher !== undefined && {
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      stopped = true
      await Promise.allSettled(underWay)
      await Promise.all([port?.close({ graceMs: PORT_GRACE_MS }), publisher?.stop()])
    },
  }
}

function ownPort({ connection, http }: Context): HttpPort | undefined {
  const listen = connection?.options.listen
  if (connection === undefined || listen === undefined) return undefined
  return http.port({
    host: listen.host,
    port: listen.port,
    bodyLimitBytes: listen.body_limit,
    tls: listen.tls,
    key: `integrations.http.connections.${connection.name}.listen`,
  })
}

interface Receiving {
  readonly isStopped: () => boolean
  /** Told of each answer that is being made. */
  readonly track: (answer: Promise<HttpResponse>) => void
}

function receiveAll(
  context: Context,
  host: Pick<HttpHost, 'route'>,
  { isStopped, track }: Receiving,
): void {
  for (const subscription of context.subscriptions) {
    const { path, method } = subscription.options
    const take = createReceiver(subscription, context, isStopped)
    host.route({
      method,
      path,
      handle: (request) => {
        const answer = take(request)
        track(answer)
        return answer
      },
    })
    context.log.debug({ subscription: subscription.name, method, path }, 'takes requests in')
  }
}
