import { isLoopback } from '../domain/loopback.ts'
import type { IntegrationOptions, NamedOptions } from './connections.ts'
import { textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

/**
 * Checks the connections of `mqtt` against the broker that comes along: it speaks MQTT 3.1.1 alone, and turns a client of
 * version 5, which is the default of a connection, away for ever.
 */
export function checkEmbeddedBroker(
  document: ResolvedDocument,
  integrations: readonly IntegrationOptions[],
  connections: readonly NamedOptions[],
): void {
  const options = integrations.find(({ protocol }) => protocol === 'mqtt')?.options
  const broker = valueAt(options, ['embedded_broker'])
  if (valueAt(broker, ['enabled']) !== true) return
  for (const { protocol, name, options: connection } of connections) {
    if (protocol !== 'mqtt' || connection['version'] !== '5') continue
    const { url } = connection
    const urls = Array.isArray(url) ? url : [url]
    if (!urls.some((one) => isAt(one, broker))) continue
    document.report(
      ['integrations', 'mqtt', 'connections', name, 'version'],
      'is 5, and the address is that of the embedded broker, which speaks 3.1.1 alone; set version to "3.1.1"',
    )
  }
}

function isAt(url: unknown, broker: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'mqtt:') return false
  const host = textAt(broker, ['host']) ?? ''
  const hasPort = Number(port || 1883) === valueAt(broker, ['port'])
  // One that listens on every address of this machine is also at its loopback one.
  const isHere = isLoopback(host) || host === '0.0.0.0' || host === '::'
  const own = hostname.replace(/^\[(.*)\]$/, '$1')
  return hasPort && (own === host || (isLoopback(own) && isHere))
}
