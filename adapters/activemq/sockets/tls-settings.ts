import type { ConnectionOptions } from 'node:tls'
import type { ActivemqConnectionOptions } from '../options/connection.ts'

/** The options of a connection as Node's TLS takes them. */
export function tlsSettings(
  tls: ActivemqConnectionOptions['tls'],
): Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'> {
  if (tls === undefined) return {}
  return {
    rejectUnauthorized: tls.reject_unauthorized,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
  }
}
