import type { z } from 'zod'
import { activemqAdapter } from '../../../adapters/activemq/index.ts'
import type { activemqConnectionOptions } from '../../../adapters/activemq/options/connection.ts'
import type { activemqPublicationOptions } from '../../../adapters/activemq/options/publication.ts'
import type { activemqSubscriptionOptions } from '../../../adapters/activemq/options/subscription.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { type StompBroker, TEST_PREFIX } from '../../services/stomp-broker.ts'
import {
  startAdapter,
  type StartedAdapter,
  type StartedAdapterOptions,
} from '../started-adapter.ts'

/** What {@link startActivemq} starts. */
export type StartedActivemqOptions = StartedAdapterOptions<
  typeof activemqSubscriptionOptions,
  typeof activemqConnectionOptions,
  typeof activemqPublicationOptions
>

/** Starts the ActiveMQ adapter for one connection. */
export async function startActivemq(options: StartedActivemqOptions): Promise<StartedAdapter> {
  return await startAdapter(activemqAdapter, options)
}

/** A name of a queue or topic that nobody else has, on any broker. */
export function newName(): string {
  return `${TEST_PREFIX}${Math.random().toString(36).slice(2)}`
}

/** Options of a connection to a broker of the tests. */
export function connectionTo({
  kind,
  url,
}: Pick<StompBroker, 'kind' | 'url'>): z.input<typeof activemqConnectionOptions> {
  return { urls: url, broker: kind }
}

/** A message to publish. */
export function outbound(id: string, more: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id,
    payload: Buffer.from(JSON.stringify({ id })),
    contentType: 'application/json',
    key: undefined,
    headers: {},
    target: {},
    attempt: 1,
    ...more,
  }
}
