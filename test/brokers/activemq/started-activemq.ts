import type { z } from 'zod'
import { activemqAdapter } from '../../../adapters/activemq/index.ts'
import { activemqConnectionOptions } from '../../../adapters/activemq/options/connection.ts'
import { activemqPublicationOptions } from '../../../adapters/activemq/options/publication.ts'
import { activemqSubscriptionOptions } from '../../../adapters/activemq/options/subscription.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Delivery, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { ClientSlots } from '../../../src/ports/client-slots.ts'
import { OPEN_FLOW, type Flow } from '../../../src/ports/flow.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { adapterTools } from '../../services/adapter-tools.ts'
import { type StompBroker, TEST_PREFIX } from '../../services/stomp-broker.ts'

/** The ActiveMQ adapter at work, and what it has delivered. */
export interface StartedActivemq {
  readonly adapter: RunningAdapter
  /** What was not refused. */
  readonly delivered: InboundMessage[]
  /** What `connected` was last told. */
  isConnected(): boolean
  bodies(): readonly string[]
}

/** What {@link startActivemq} starts. */
export interface StartedActivemqOptions {
  readonly connection: z.input<typeof activemqConnectionOptions>
  readonly subscriptions?: Readonly<Record<string, z.input<typeof activemqSubscriptionOptions>>>
  readonly publications?: Readonly<Record<string, z.input<typeof activemqPublicationOptions>>>
  readonly deliver?: (messages: readonly InboundMessage[]) => Promise<readonly Delivery[]>
  readonly flow?: Flow
  readonly slots?: ClientSlots
  readonly instanceName?: string
  readonly timeoutMs?: number
  readonly log?: Log
}

/** Every message of a delivery as stored. */
export async function stored(messages: readonly InboundMessage[]): Promise<readonly Delivery[]> {
  return messages.map((_, index) => ({ outcome: 'stored', jobId: `job ${index}` }))
}

/** Slots in memory, for the instances that share this: those of the database have their own tests. */
export function memorySlots(): ClientSlots {
  const taken = new Set<string>()
  return {
    take: async ({ name }) => {
      if (taken.has(name)) return undefined
      taken.add(name)
      return {
        name,
        slot: 0,
        packets: {
          all: async () => [],
          remember: async () => undefined,
          forget: async () => undefined,
        },
        onLost: () => undefined,
        release: async () => void taken.delete(name),
      }
    },
  }
}

/** Starts the adapter for one connection. */
export async function startActivemq(options: StartedActivemqOptions): Promise<StartedActivemq> {
  const delivered: InboundMessage[] = []
  let isConnected = false
  const deliver = options.deliver ?? stored
  const adapter = await activemqAdapter.start({
    connection: { name: 'broker', options: activemqConnectionOptions.parse(options.connection) },
    subscriptions: Object.entries(options.subscriptions ?? {}).map(([name, given]) => ({
      name,
      contentType: 'json',
      options: activemqSubscriptionOptions.parse(given),
      flow: options.flow ?? OPEN_FLOW,
    })),
    publications: Object.entries(options.publications ?? {}).map(([name, given]) => ({
      name,
      options: activemqPublicationOptions.parse(given),
      timeoutMs: options.timeoutMs ?? 5_000,
    })),
    ...adapterTools({
      deliver: async (messages) => {
        const deliveries = await deliver(messages)
        deliveries.forEach(({ outcome }, index) => {
          const message = messages[index]
          if (message !== undefined && outcome !== 'refused') delivered.push(message)
        })
        return deliveries
      },
    }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('ActiveMQ has no HTTP port')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: options.slots ?? memorySlots(),
    instance: { name: options.instanceName ?? 'test', id: 'test-1' },
    log: options.log ?? silentLog,
    connected: (is) => (isConnected = is),
    failed: () => undefined,
  })
  return {
    adapter,
    delivered,
    isConnected: () => isConnected,
    bodies: () => delivered.map(({ body }) => Buffer.from(body).toString()),
  }
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

/** Resolves when this holds. @throws Error after 20 seconds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
