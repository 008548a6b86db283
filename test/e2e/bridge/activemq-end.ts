import { Client, type IStompSocket, StompHeaders, Versions } from '@stomp/stompjs'
import { openSocket } from '../../../adapters/activemq/sockets/open-socket.ts'
import { openSender } from '../../conformance/adapters/stomp-sender.ts'
import { startActivemqClassic } from '../../services/activemq-classic.ts'
import { startOrSkip } from '../../services/require.ts'
import { TEST_PREFIX } from '../../services/stomp-broker.ts'
import { type Arrival, type BridgeEnd, inLowerCase, KINDS, LINE } from './bridge-end.ts'

/** The group of messages without a key: a template that gives nothing is refused. */
export const NO_LINE = 'none'

/** ActiveMQ Classic: queues, over STOMP. */
export async function openActivemqEnd(): Promise<BridgeEnd | undefined> {
  const broker = await startOrSkip('activemq', () => startActivemqClassic())
  if (broker === undefined) return undefined
  const prefix = `${TEST_PREFIX}${Math.random().toString(36).slice(2)}`
  const sender = openSender(broker)
  const receiver = new Client()
  const arrivals: Arrival[] = []
  receiver.stompVersions = new Versions([Versions.V1_2])
  receiver.heartbeatIncoming = 0
  receiver.heartbeatOutgoing = 0
  receiver.webSocketFactory = (): IStompSocket =>
    openSocket(broker.url, undefined, { heard: () => undefined, failed: () => undefined })
  receiver.onConnect = () => {
    for (const kind of KINDS) {
      for (const key of [LINE, NO_LINE]) {
        // Classic tells consumers on STOMP of no group, but chooses by it.
        const selector = Object.assign(new StompHeaders(), {
          selector: `JMSXGroupID = '${key}'`,
        })
        receiver.subscribe(
          `/queue/${prefix}.from-bridge.${kind}`,
          ({ binaryBody, headers }) => {
            arrivals.push({
              kind,
              body: Buffer.from(binaryBody),
              contentType: headers['content-type'],
              headers: inLowerCase(headers),
              key,
            })
          },
          selector,
        )
      }
    }
  }
  receiver.activate()
  return {
    protocol: 'activemq',
    connections: { broker: { urls: broker.url, broker: 'classic' } },
    subscription: (intake) => ({ destination: `/queue/${prefix}.to-bridge.${intake}` }),
    publication: (kind) => ({
      destination: `/queue/${prefix}.from-bridge.${kind}`,
      group: `{{ key ? key : '${NO_LINE}' }}`,
    }),
    reachable: () => undefined,
    put: async ({ intake, body, contentType, headers }) => {
      await sender.send(
        `${prefix}.to-bridge.${intake}`,
        intake === 'in' ? body.toString() : new Uint8Array(body),
        { ...headers, 'content-type': contentType, JMSXGroupID: LINE },
      )
    },
    arrivals: async () => arrivals,
    close: async () => {
      await sender.close()
      await receiver.deactivate()
      await broker.stop()
    },
  }
}
