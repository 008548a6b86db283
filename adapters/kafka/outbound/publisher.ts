import type { AdapterPublication } from '../../../src/ports/adapter.ts'
import {
  adapterPublisher,
  type AdapterPublisher,
  allUnsent,
} from '../../../src/ports/adapter-publisher.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'
import type { KafkaDriver, KafkaProducer, KafkaServer, ProducerSettings } from '../driver.ts'
import type { KafkaPublicationOptions } from '../options/publication.ts'
import { outgoingRecord } from './record.ts'
import { sendRecords, type SizedRecord } from './requests.ts'

/** What {@link openPublisher} needs. */
export interface PublisherOptions {
  readonly driver: Pick<KafkaDriver, 'producer'>
  readonly server: KafkaServer
  readonly publications: readonly AdapterPublication<KafkaPublicationOptions>[]
  readonly connected: (isConnected: boolean) => void
  readonly clock: Clock
}

/** A producer, and whether it can reach the brokers. */
interface Line {
  readonly producer: KafkaProducer
  problem: string | undefined
}

/** Opens a producer for each way of sending that the publications have. They connect by themselves, again and again. */
export function openPublisher(options: PublisherOptions): AdapterPublisher {
  const { driver, server, connected, clock } = options
  const lines = new Map<string, Line>()
  const publications = options.publications.map((one) => {
    const settings = settingsOf(one.options)
    const name = JSON.stringify(settings)
    const line = lines.get(name) ?? {
      producer: driver.producer(server, settings),
      problem: 'not connected yet',
    }
    lines.set(name, line)
    return { ...one, line }
  })
  const unlisten = [...lines.values()].map((line) => {
    const unlistenOne = line.producer.onConnected((isConnected, reason) => {
      line.problem = isConnected ? undefined : (reason ?? 'not connected')
      connected(problem() === undefined)
    })
    line.producer.start()
    return unlistenOne
  })

  function problem(): string | undefined {
    return [...lines.values()].find((line) => line.problem !== undefined)?.problem
  }

  async function send(
    { options: { max_request_size: maxBytes }, timeoutMs, line }: Sender,
    messages: readonly OutboundMessage[],
  ): Promise<readonly Publishing[]> {
    if (line.problem !== undefined) {
      return allUnsent(messages, `not connected to the brokers: ${line.problem}`)
    }
    const made = messages.map((message) => outgoingRecord(message))
    const sound = made.filter((one) => one.ok)
    const limits = { maxBytes, timeoutMs, clock }
    const sent = await sendRecords(line.producer, sound, limits)
    const byRecord = new Map<SizedRecord, Publishing>(
      sound.flatMap((one, index) => {
        const publishing = sent[index]
        return publishing === undefined ? [] : [[one, publishing]]
      }),
    )
    return made.map((one) => (one.ok ? (byRecord.get(one) ?? UNSAID) : refusal(one.problem)))
  }

  return adapterPublisher({
    publications,
    problem,
    send,
    leave: async () => {
      for (const each of unlisten) each()
      await Promise.all([...lines.values()].map(({ producer }) => producer.stop()))
    },
  })
}

type Sender = AdapterPublication<KafkaPublicationOptions> & { readonly line: Line }

const UNSAID: Publishing = { outcome: 'unconfirmed', error: 'nobody said what became of it' }

function settingsOf({ acks, idempotence, compression }: KafkaPublicationOptions): ProducerSettings {
  return { acks, idempotent: idempotence ?? acks === 'all', compression }
}

function refusal(error: string): Publishing {
  return { outcome: 'refused', error, permanent: true }
}
