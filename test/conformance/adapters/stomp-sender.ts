import { Client, StompHeaders, Versions, type IStompSocket } from '@stomp/stompjs'
import { openSocket } from '../../../adapters/activemq/sockets/open-socket.ts'
import type { StompBroker } from '../../services/stomp-broker.ts'

/** Sends to queues, each message until the broker has confirmed it, over any number of connections. */
export interface StompSender {
  /** @param queue its name, without `/queue/` */
  send(
    queue: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<void>
  close(): Promise<void>
}

/** Opens a sender, which connects by itself, again and again. It speaks STOMP 1.2. */
export function openSender(broker: StompBroker): StompSender {
  const pending = new Map<string, () => void>()
  let receipts = 0
  const client = new Client()
  client.stompVersions = new Versions([Versions.V1_2])
  client.reconnectDelay = 200
  client.heartbeatIncoming = 0
  client.heartbeatOutgoing = 0
  client.webSocketFactory = (): IStompSocket =>
    openSocket(broker.url, undefined, { heard: () => undefined, failed: () => undefined })
  client.onConnect = () => {
    for (const publish of pending.values()) publish()
  }
  client.activate()
  return {
    send: (queue, body, headers) =>
      new Promise((resolve) => {
        receipts += 1
        const receipt = `r${receipts}`
        const publish = (): void => {
          client.watchForReceipt(receipt, () => {
            pending.delete(receipt)
            resolve()
          })
          client.publish({
            destination: broker.kind === 'artemis' ? queue : `/queue/${queue}`,
            headers: Object.assign(new StompHeaders(), {
              ...headers,
              receipt,
              persistent: 'true',
              ...(broker.kind === 'artemis' && { 'destination-type': 'ANYCAST' }),
            }),
            ...(typeof body === 'string'
              ? { body, skipContentLengthHeader: true }
              : { binaryBody: new Uint8Array(body) }),
          })
        }
        pending.set(receipt, publish)
        if (client.connected) publish()
      }),
    close: () => client.deactivate(),
  }
}
