import { onTestFinished } from 'vitest'
import type { z } from 'zod'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { AdapterHealth } from '../../../src/ports/adapter.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

/** The outbound side of one connection, with the publication `out`. */
export interface StartedPublisher {
  publish(messages: readonly OutboundMessage[]): Promise<readonly Publishing[]>
  isConnected(): boolean
  untilConnected(): Promise<void>
  health(): AdapterHealth
  stop(): Promise<void>
}

/** How the publication is. */
export interface PublisherSettings {
  readonly connection: z.input<typeof kafkaConnectionOptions>
  readonly publication?: Partial<z.input<typeof kafkaPublicationOptions>>
  readonly timeoutMs?: number
}

const NEVER = new AbortController().signal

/** Starts the adapter; it is stopped when the test has finished. */
export async function startPublisher(settings: PublisherSettings): Promise<StartedPublisher> {
  let isConnected = false
  const adapter = await kafkaAdapter.start({
    connection: { name: 'cluster', options: kafkaConnectionOptions.parse(settings.connection) },
    subscriptions: [],
    publications: [
      {
        name: 'out',
        options: kafkaPublicationOptions.parse({ topic: 'out', ...settings.publication }),
        timeoutMs: settings.timeoutMs ?? 10_000,
      },
    ],
    ...adapterTools({ deliver: async () => [] }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('Kafka has no HTTP port')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: { take: async () => undefined },
    instance: { name: 'test', id: 'test-1' },
    log: silentLog,
    connected: (is) => (isConnected = is),
    failed: () => undefined,
  })
  onTestFinished(() => adapter.stop())
  return {
    publish: async (messages) => (await adapter.publish?.('out', messages, NEVER)) ?? [],
    isConnected: () => isConnected,
    untilConnected: () => until(() => isConnected),
    health: () => adapter.health(),
    stop: () => adapter.stop(),
  }
}

/** A message as the outbox gives it to an adapter. */
export function outMessage(
  id: string,
  topic: string,
  given: Partial<OutboundMessage> = {},
): OutboundMessage {
  return {
    id,
    payload: Buffer.from(id),
    contentType: 'text/plain',
    key: undefined,
    headers: { 'idempotency-key': id },
    target: { topic },
    attempt: 1,
    ...given,
  }
}

/** Resolves when this holds. @throws Error after a while */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
