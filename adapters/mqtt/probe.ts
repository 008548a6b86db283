import { randomBytes } from 'node:crypto'
import { connect, type IConnackPacket } from 'mqtt'
import { CrossdockError } from '../../src/domain/errors.ts'
import type { ProbeFindings } from '../../src/ports/probe.ts'
import { addressesOf, clientOptions } from './client-options.ts'
import { connectTrouble } from './connect-trouble.ts'
import type { MqttConnectionOptions } from './options/connection.ts'

const GOODBYE_MS = 2_000

/**
 * Tries a connection: connects with its options, as a client of its own that the broker forgets at once, and leaves.
 * Of several addresses one is enough; those that do not answer are told.
 * @throws CrossdockError `connection_failed` that says of each address why it is not reached
 */
export async function probeBroker(
  options: MqttConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  const tried = await Promise.all(
    addressesOf(options).map(async (url) => {
      try {
        return { url, packet: await tryAddress(url, options, signal), why: '' }
      } catch (error) {
        return { url, packet: undefined, why: connectTrouble(error) }
      }
    }),
  )
  const troubles = tried.flatMap(({ url, packet, why }) =>
    packet === undefined ? [`${url}: ${why}`] : [],
  )
  const found = tried.find(({ packet }) => packet !== undefined)
  if (found?.packet === undefined) {
    throw new CrossdockError('connection_failed', troubles.join('\n         '))
  }
  return {
    facts: `MQTT ${options.version} at ${found.url}`,
    notes: [...troubles, ...limitsOf(found.packet)],
  }
}

function tryAddress(
  url: string,
  options: MqttConnectionOptions,
  signal: AbortSignal,
): Promise<IConnackPacket> {
  const clientId = `${options.client_id ?? 'crossdock'}-check-${randomBytes(6).toString('hex')}`
  const { promise, resolve, reject } = Promise.withResolvers<IConnackPacket>()
  const client = connect(url, clientOptions(options, { clientId, isClean: true, hasWill: false }))
  const leave = (): void => {
    client.end(true)
    reject(new CrossdockError('connection_failed', 'nobody waited for it any longer'))
  }
  let reason: unknown
  client.on('error', (error) => (reason = error))
  let answer: IConnackPacket | undefined
  client.on('close', () => {
    if (answer !== undefined) resolve(answer)
    else
      reject(
        reason ?? new CrossdockError('connection_failed', 'the broker broke the connection off'),
      )
  })
  client.on('connect', (packet) => {
    answer = packet
    const patience = setTimeout(() => client.end(true), GOODBYE_MS)
    client.end(false, () => {
      clearTimeout(patience)
    })
  })
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  else client.connect()
  return promise.finally(() => {
    signal.removeEventListener('abort', leave)
    client.end(true)
  })
}

/** What the broker cannot do, and a configuration may rely on. */
function limitsOf({ properties = {} }: IConnackPacket): readonly string[] {
  const { maximumQoS, retainAvailable, maximumPacketSize, sharedSubscriptionAvailable } = properties
  return [
    ...(maximumQoS === undefined ? [] : [`takes quality of service ${maximumQoS} at most`]),
    ...(retainAvailable === false ? ['keeps no messages for later subscribers'] : []),
    ...(sharedSubscriptionAvailable === false ? ['knows no $share topics'] : []),
    ...(maximumPacketSize === undefined ? [] : [`takes packets of ${maximumPacketSize} bytes`]),
  ]
}
