import { signalrAdapter } from '../../../adapters/signalr/index.ts'
import type { signalrConnectionOptions } from '../../../adapters/signalr/options/connection.ts'
import type { signalrPublicationOptions } from '../../../adapters/signalr/options/publication.ts'
import type { signalrSubscriptionOptions } from '../../../adapters/signalr/options/subscription.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import {
  startAdapter,
  type StartedAdapter,
  type StartedAdapterOptions,
} from '../started-adapter.ts'

/** What {@link startSignalrAdapter} starts. */
export type StartedSignalrOptions = StartedAdapterOptions<
  typeof signalrSubscriptionOptions,
  typeof signalrConnectionOptions,
  typeof signalrPublicationOptions
>

/** Starts the SignalR adapter for one connection. */
export async function startSignalrAdapter(options: StartedSignalrOptions): Promise<StartedAdapter> {
  return await startAdapter(signalrAdapter, options)
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
