import type { RequestOptions } from 'node:https'
import type { IClientOptions } from 'mqtt'
import type { MqttConnectionOptions } from './options/connection.ts'

/** How one client of a connection differs from the others. */
export interface ClientRole {
  readonly clientId: string
  /** Whether the broker is to forget at once what this client had. */
  readonly isClean: boolean
  /** Whether it is the one whose break the will is for. */
  readonly hasWill: boolean
}

/** The addresses of a connection, in the order in which they are tried. */
export function addressesOf({ url }: MqttConnectionOptions): readonly string[] {
  return typeof url === 'string' ? [url] : url
}

/**
 * The library's options for one client. It never connects again by itself: each connection has a client of
 * its own, so that nothing of an earlier one, an acknowledgement least of all, can go out on a later one.
 */
export function clientOptions(
  options: MqttConnectionOptions,
  { clientId, isClean, hasWill }: ClientRole,
): IClientOptions {
  const { tls, will } = options
  const isFive = options.version === '5'
  return {
    clientId,
    protocolVersion: isFive ? 5 : 4,
    clean: isClean,
    keepalive: Math.round(options.keepalive / 1_000),
    connectTimeout: options.connect_timeout,
    reconnectPeriod: 0,
    manualConnect: true,
    resubscribe: false,
    queueQoSZero: false,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
    ...(isFive && {
      properties: {
        receiveMaximum: options.receive_maximum,
        ...(!isClean && { sessionExpiryInterval: Math.ceil(options.session_expiry / 1_000) }),
      },
    }),
    ...(will !== undefined &&
      hasWill && {
        will: {
          topic: will.topic,
          payload: Buffer.from(will.payload),
          qos: will.qos,
          retain: will.retain,
        },
      }),
    ...(tls !== undefined && {
      rejectUnauthorized: tls.reject_unauthorized,
      ...(tls.ca !== undefined && { ca: tls.ca }),
      ...(tls.cert !== undefined && { cert: tls.cert }),
      ...(tls.key !== undefined && { key: tls.key }),
      // Over WebSocket the library hands on the certificates by itself, and not the name.
      ...(tls.server_name !== undefined && {
        servername: tls.server_name,
        wsOptions: webSocketOptions(tls.server_name),
      }),
    }),
  }
}

/** What the WebSocket's own request takes; the library's type leaves out what only HTTPS has. */
function webSocketOptions(servername: string): RequestOptions {
  return { servername }
}
