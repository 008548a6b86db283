import type { z } from 'zod'
import type { InboundMessage } from '../../src/domain/message.ts'
import { silentLog } from '../../src/observe/log.ts'
import type {
  AdapterDefinition,
  AdapterSubscription,
  Delivery,
  RunningAdapter,
} from '../../src/ports/adapter.ts'
import type { ClientSlots } from '../../src/ports/client-slots.ts'
import { OPEN_FLOW, type Flow } from '../../src/ports/flow.ts'
import type { Log } from '../../src/ports/log.ts'
import { adapterTools } from '../services/adapter-tools.ts'
import { nextLook } from '../next-look.ts'

/** An adapter at work, and what it has delivered. */
export interface StartedAdapter {
  readonly adapter: RunningAdapter
  /** What was not refused. */
  readonly delivered: InboundMessage[]
  /** What `connected` was last told. */
  isConnected(): boolean
  bodies(): readonly string[]
}

/** What {@link startAdapter} starts, with the options of a protocol. */
export interface StartedAdapterOptions<
  SubscriptionOptions extends z.ZodObject,
  ConnectionOptions extends z.ZodObject,
  PublicationOptions extends z.ZodObject,
> {
  readonly connection: z.input<ConnectionOptions>
  readonly subscriptions?: Readonly<Record<string, z.input<SubscriptionOptions>>>
  readonly publications?: Readonly<Record<string, z.input<PublicationOptions>>>
  /** Of every subscription. Left out: JSON. */
  readonly contentType?: AdapterSubscription<unknown>['contentType']
  /** Left out: {@link stored}. */
  readonly deliver?: (messages: readonly InboundMessage[]) => Promise<readonly Delivery[]>
  readonly flow?: Flow
  readonly slots?: ClientSlots
  readonly instanceName?: string
  /** Of every publication. */
  readonly timeoutMs?: number
  readonly log?: Log
}

/** Every message of a delivery as stored. */
export async function stored(messages: readonly InboundMessage[]): Promise<readonly Delivery[]> {
  return messages.map((_, index) => ({ outcome: 'stored', jobId: `job ${index}` }))
}

/** Starts an adapter for one connection. */
export async function startAdapter<
  SubscriptionOptions extends z.ZodObject,
  ConnectionOptions extends z.ZodObject,
  PublicationOptions extends z.ZodObject,
>(
  definition: AdapterDefinition<SubscriptionOptions, ConnectionOptions, PublicationOptions>,
  options: StartedAdapterOptions<SubscriptionOptions, ConnectionOptions, PublicationOptions>,
): Promise<StartedAdapter> {
  const delivered: InboundMessage[] = []
  let isConnected = false
  const deliver = options.deliver ?? stored
  const adapter = await definition.start({
    connection: {
      name: 'broker',
      options: definition.connectionOptions.parse(options.connection),
    },
    subscriptions: Object.entries(options.subscriptions ?? {}).map(([name, given]) => ({
      name,
      contentType: options.contentType ?? 'json',
      options: definition.subscriptionOptions.parse(given),
      flow: options.flow ?? OPEN_FLOW,
    })),
    publications: Object.entries(options.publications ?? {}).map(([name, given]) => ({
      name,
      options: definition.publicationOptions.parse(given),
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
        throw new Error(`${definition.protocol} has no HTTP port`)
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

/**
 * Slots in memory, one of each name, for the instances that share this: those of the database have their own tests.
 * `steal` has their holders told that they are lost.
 */
export function memorySlots(): ClientSlots & { steal(): void } {
  const taken = new Map<string, () => void>()
  return {
    take: async ({ name }) => {
      if (taken.has(name)) return undefined
      const listeners: (() => void)[] = []
      taken.set(name, () => {
        for (const listener of listeners) listener()
      })
      return {
        name,
        slot: 0,
        packets: {
          all: async () => [],
          remember: async () => undefined,
          forget: async () => undefined,
        },
        onLost: (listener) => {
          listeners.push(listener)
        },
        release: async () => {
          taken.delete(name)
        },
      }
    },
    steal: () => {
      for (const lose of taken.values()) lose()
    },
  }
}

/** Resolves when this holds. @throws Error after a while, before the limit of a test */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limitMs = 25_000,
): Promise<void> {
  const from = performance.now()
  const deadline = from + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await nextLook(from)
  }
}
