import { onTestFinished } from 'vitest'
import type { z } from 'zod'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import type { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import type { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import type { AdapterHealth } from '../../../src/ports/adapter.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'
import { startAdapter, until } from '../started-adapter.ts'

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
  const { adapter, isConnected } = await startAdapter(kafkaAdapter, {
    connection: settings.connection,
    publications: { out: { topic: 'out', ...settings.publication } },
    timeoutMs: settings.timeoutMs ?? 10_000,
  })
  onTestFinished(() => adapter.stop())
  return {
    publish: async (messages) => (await adapter.publish?.('out', messages, NEVER)) ?? [],
    isConnected,
    untilConnected: () => until(isConnected),
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
