import { setTimeout as delay } from 'node:timers/promises'
import { startOrSkip } from '../../services/require.ts'
import { startSignalr } from '../../services/signalr.ts'
import {
  type AdapterBed,
  type AdapterTarget,
  PRESSED,
  type SentMessage,
  type SubscriptionName,
} from './adapter-target.ts'
import { openPassage } from './passage.ts'
import { websocketTexts } from './websocket-texts.ts'

/**
 * A hub that waits for the result of each event, and invokes it again until it has one. Events for which nobody waits
 * can meet none of this: what becomes of them is in test/brokers/signalr.
 */
export const signalrTarget: AdapterTarget = {
  protocol: 'SignalR',
  prefix: 'signalr',
  keyIn: 'dedupekey',
  cannot: {
    'poison message is a dead letter':
      'its arguments are values of JSON, never broken ones; and a hub that waits is told what is invalid',
    'order of a line': 'a hub that waits has refused events invoked again behind later ones',
  },
  open,
}

async function open(): Promise<AdapterBed | undefined> {
  const hub = await startOrSkip('signalr', () => startSignalr())
  if (hub === undefined) return undefined
  const { hostname: host, port } = new URL(hub.url)
  let acknowledged = 0
  let isClosed = false
  const passage = await openPassage({
    to: () => ({ host, port: Number(port) }),
    program: 'caller',
    watch: () =>
      websocketTexts((text) => {
        acknowledged += resultsIn(text)
      }),
  })
  const url = `http://127.0.0.1:${passage.port}/hub`
  const join = (room: string): object[] => [{ method: 'Join', args: [room] }]
  const subscription = (name: SubscriptionName, handler: string): object => ({
    name,
    handler,
    event: name,
    // The protocol gives a message no identity.
    map: { dedupe_key: 'headers."idempotency-key"' },
  })

  /** The sender: it has its messages until each is answered, also when the hub goes down with them. */
  async function send(
    messages: readonly SentMessage[],
    to: SubscriptionName = 'json',
  ): Promise<void> {
    const events = messages.map(({ key, body, headers }) => ({
      event: to,
      args: [body === undefined ? { key } : { base64: Buffer.from(body).toString('base64') }],
      headers: { ...headers, 'idempotency-key': key },
    }))
    while (!isClosed) {
      try {
        await hub?.deliver(events, to === 'bytes' ? 'bytes' : 'json')
        return
      } catch {
        await delay(50)
      }
    }
  }

  return {
    integrations: (handler) => ({
      signalr: {
        connections: {
          json: { url, join: join('json') },
          bytes: { url, join: join('bytes'), protocol: 'messagepack' },
        },
        subscriptions: [
          { ...subscription('json', handler), connection: 'json' },
          { ...subscription('pressed', handler), connection: 'json', ...PRESSED },
          { ...subscription('bytes', handler), connection: 'bytes', content_type: 'binary' },
        ],
      },
    }),
    reachable: () => undefined,
    send,
    // It refuses: what it has taken in, it has acknowledged.
    heldAtMost: 0,
    takenIn: () => acknowledged,
    acknowledged: () => acknowledged,
    holdAcknowledgements: () => {
      passage.hold()
    },
    cut: () => {
      passage.cut()
    },
    ...(hub.controllable && {
      killBroker: () => hub.kill(),
      restartBroker: () => hub.restart(),
    }),
    close: async () => {
      isClosed = true
      await passage.close()
      await hub.stop()
    },
  }
}

/** Completions with a result; one with an error is no acknowledgement. Source: the SignalR hub protocol. */
function resultsIn(text: string): number {
  return text
    .split('\u001e')
    .filter((part) => part !== '')
    .map((part) => JSON.parse(part) as { readonly type?: number; readonly error?: string })
    .filter(({ type, error }) => type === 3 && error === undefined).length
}
