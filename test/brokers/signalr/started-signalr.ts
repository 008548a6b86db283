import type { z } from 'zod'
import { signalrAdapter } from '../../../adapters/signalr/index.ts'
import { signalrConnectionOptions } from '../../../adapters/signalr/options/connection.ts'
import { signalrPublicationOptions } from '../../../adapters/signalr/options/publication.ts'
import { signalrSubscriptionOptions } from '../../../adapters/signalr/options/subscription.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { AdapterSubscription, Delivery, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { ClientSlots } from '../../../src/ports/client-slots.ts'
import { OPEN_FLOW, type Flow } from '../../../src/ports/flow.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

/** The SignalR adapter at work, and what it has delivered. */
export interface StartedSignalr {
  readonly adapter: RunningAdapter
  readonly delivered: InboundMessage[]
  /** What `connected` was last told. */
  isConnected(): boolean
  bodies(): readonly string[]
}

/** What {@link startSignalrAdapter} starts. */
export interface StartedSignalrOptions {
  readonly connection: z.input<typeof signalrConnectionOptions>
  readonly subscriptions?: Readonly<Record<string, z.input<typeof signalrSubscriptionOptions>>>
  readonly contentType?: AdapterSubscription<unknown>['contentType']
  readonly publications?: Readonly<Record<string, z.input<typeof signalrPublicationOptions>>>
  readonly deliver?: (messages: readonly InboundMessage[]) => Promise<readonly Delivery[]>
  readonly flow?: Flow
  readonly slots?: ClientSlots
  readonly timeoutMs?: number
  readonly log?: Log
}

/** Every message of a delivery as stored. */
export async function stored(messages: readonly InboundMessage[]): Promise<readonly Delivery[]> {
  return messages.map((_, index) => ({ outcome: 'stored', jobId: `job ${index}` }))
}

/** Slots of one process, in memory, one of each name: those of the database have their own tests. */
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

/** Starts the adapter for one connection. */
export async function startSignalrAdapter(options: StartedSignalrOptions): Promise<StartedSignalr> {
  const delivered: InboundMessage[] = []
  let isConnected = false
  const deliver = options.deliver ?? stored
  const adapter = await signalrAdapter.start({
    connection: { name: 'hub', options: signalrConnectionOptions.parse(options.connection) },
    subscriptions: Object.entries(options.subscriptions ?? {}).map(([name, given]) => ({
      name,
      contentType: options.contentType ?? 'json',
      options: signalrSubscriptionOptions.parse(given),
      flow: options.flow ?? OPEN_FLOW,
    })),
    publications: Object.entries(options.publications ?? {}).map(([name, given]) => ({
      name,
      options: signalrPublicationOptions.parse(given),
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
        throw new Error('SignalR has no HTTP port')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: options.slots ?? memorySlots(),
    instance: { name: 'test', id: 'test-1' },
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

/** A message on its way out, with this JSON. */
export function outbound(payload: Json, more: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: 'job-1',
    payload: Buffer.from(JSON.stringify(payload)),
    contentType: 'application/json',
    key: undefined,
    headers: {},
    target: { method: 'Take' },
    attempt: 1,
    ...more,
  }
}

/** A flow that a test opens and closes. */
export function switchableFlow(): Flow & { open(): void; close(): void } {
  const listeners = new Set<() => void>()
  let isOpen = true
  const set = (open: boolean): void => {
    isOpen = open
    for (const listener of listeners) listener()
  }
  return {
    closed: () => (isOpen ? undefined : { reason: 'paused', retryAfterMs: 1_000 }),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    open: () => {
      set(true)
    },
    close: () => {
      set(false)
    },
  }
}

/** Resolves when this holds. @throws Error after 20 seconds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
