import { createServer, type Server, type Socket } from 'node:net'
import type { Aedes } from 'aedes'
import { CrossdockError, errorMessage } from '../../src/domain/errors.ts'
import type { AdapterService } from '../../src/ports/adapter.ts'
import type { Log } from '../../src/ports/log.ts'
import type { MqttIntegrationOptions } from './options/integration.ts'

/** Where its port is set. */
const PORT_KEY = 'integrations.mqtt.embedded_broker.port'

/**
 * Starts the broker for trying things out, where it is enabled. It speaks MQTT 3.1.1, asks nobody who they are,
 * and forgets everything when it ends.
 * @throws CrossdockError `broker_listen_failed`
 */
export async function startEmbeddedBroker(
  { enabled, host, port }: MqttIntegrationOptions['embedded_broker'],
  log: Log,
): Promise<AdapterService | undefined> {
  if (!enabled) return undefined
  // Loaded by those alone who use it.
  const { Aedes: Broker } = await import('aedes')
  const broker = await Broker.createBroker({
    preConnect: (client, { protocolVersion = 4, clientId }, done) => {
      if (protocolVersion > 4) {
        log.warn(
          { client_id: clientId, from: remoteAddress(client.conn) },
          `an MQTT ${protocolVersion} client was turned away: the embedded broker speaks MQTT 3.1.1. Set the client to version 3.1.1, or use a broker such as Mosquitto`,
        )
      }
      // It is refused in the way of the protocol afterwards.
      done(null, true)
    },
  })
  broker.on('connectionError', (client, error) => {
    log.debug({ from: remoteAddress(client.conn), err: error }, 'an MQTT connection failed')
  })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  try {
    await listen(server, host, port)
  } catch (error) {
    await end(broker)
    throw listenFailed(error, host, port)
  }
  const address = server.address()
  const taken = typeof address === 'object' && address !== null ? address.port : port
  const url = `mqtt://${host.includes(':') ? `[${host}]` : host}:${taken}`
  log.info({ url }, 'the embedded MQTT broker listens')
  return {
    url,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      await end(broker)
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function end(broker: Aedes): Promise<void> {
  return new Promise((resolve) => {
    broker.close(resolve)
  })
}

function listenFailed(error: unknown, host: string, port: number): CrossdockError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  const advice =
    reason === 'EADDRINUSE'
      ? `the port is taken by another program. Set ${PORT_KEY} to another one, or ${PORT_KEY.replace('port', 'enabled')} to false and the connection's url to the broker that is there.`
      : errorMessage(error)
  return new CrossdockError(
    'broker_listen_failed',
    `The embedded MQTT broker cannot listen on ${host}:${port}: ${advice}`,
    { cause: error, details: { host, port, reason, key: PORT_KEY } },
  )
}

function remoteAddress(connection: unknown): string | undefined {
  return connection instanceof Object && 'remoteAddress' in connection
    ? String(connection.remoteAddress)
    : undefined
}
