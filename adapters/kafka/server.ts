import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { KafkaSasl, KafkaServer } from './driver.ts'
import type { KafkaConnectionOptions } from './options/connection.ts'
import type { SaslOptions } from './options/sasl.ts'
import { grantedToken } from './token.ts'

/** What {@link kafkaServer} needs beside the options of the connection. */
export interface KafkaServerParts {
  /** `instance.name`: what we are called where the options say nothing. */
  readonly instanceName: string
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
}

/** A connection's options as the client library's seam has them. */
export function kafkaServer(
  options: KafkaConnectionOptions,
  { instanceName, clock, log }: KafkaServerParts,
): KafkaServer {
  const { tls, sasl } = options
  return {
    brokers: options.brokers,
    clientId: options.client_id ?? instanceName,
    tls: tls && {
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      serverName: tls.server_name,
      rejectUnauthorized: tls.reject_unauthorized,
    },
    sasl: sasl && signIn(sasl, clock),
    connectTimeoutMs: options.connect_timeout,
    requestTimeoutMs: options.request_timeout,
    log,
  }
}

function signIn(sasl: SaslOptions, clock: Pick<Clock, 'monotonicMs'>): KafkaSasl {
  const { mechanism, username = '', password = '' } = sasl
  if (mechanism !== 'oauthbearer') return { mechanism, username, password }
  const { token, token_url: url, client_id: clientId, client_secret: clientSecret } = sasl
  if (url === undefined) return { mechanism, token: async () => token ?? '' }
  return {
    mechanism,
    token: grantedToken(
      {
        url,
        clientId: clientId ?? '',
        clientSecret: clientSecret ?? '',
        scope: sasl.scope,
        audience: sasl.audience,
      },
      () => clock.monotonicMs(),
    ),
  }
}
