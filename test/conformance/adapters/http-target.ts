import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'node:http'
import {
  type AdapterBed,
  type AdapterTarget,
  PRESSED,
  type SentMessage,
  type SubscriptionName,
} from './adapter-target.ts'
import { openPassage } from './passage.ts'

/** HTTP: the sender keeps each message until it has the answer, and sends it again until then. */
export const httpTarget: AdapterTarget = {
  protocol: 'HTTP',
  prefix: 'http',
  keyIn: 'dedupekey',
  cannot: {
    'broker down at start': 'there is no broker: senders call the program',
    'broker restarted': 'there is no broker: senders call the program',
    'poison message is a dead letter': 'its sender waits, and is answered 400: nothing is stored',
    'order of a line': 'requests on several connections have no order',
  },
  open,
}

async function open(): Promise<AdapterBed> {
  let target = { host: '127.0.0.1', port: 1 }
  let acknowledged = 0
  let isClosed = false
  const passage = await openPassage({ to: () => target, program: 'called' })
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })

  async function post(
    { key, body, headers }: SentMessage,
    to: SubscriptionName,
  ): Promise<number | undefined> {
    return await new Promise((resolve) => {
      const outgoing = request(
        {
          agent,
          port: passage.port,
          host: '127.0.0.1',
          method: 'POST',
          path: `/in/${to}`,
          headers: {
            'content-type': to === 'bytes' ? 'application/octet-stream' : 'application/json',
            'idempotency-key': key,
            // Node sends each character as one byte.
            ...Object.fromEntries(
              Object.entries(headers ?? {}).map(([name, value]) => [
                name,
                Buffer.from(value).toString('latin1'),
              ]),
            ),
          },
        },
        (answer) => {
          answer.resume()
          answer.on('end', () => {
            resolve(answer.statusCode)
          })
          answer.on('close', () => {
            resolve(undefined)
          })
        },
      )
      outgoing.on('error', () => {
        resolve(undefined)
      })
      outgoing.end(Buffer.from(body ?? Buffer.from(JSON.stringify({ key }))))
    })
  }

  return {
    integrations: (handler) => ({
      http: {
        subscriptions: [
          { name: 'json', path: '/in/json', handler },
          { name: 'bytes', path: '/in/bytes', handler, content_type: 'binary' },
          { name: 'pressed', path: '/in/pressed', handler, ...PRESSED },
        ],
      },
    }),
    reachable: (url) => {
      target = { host: '127.0.0.1', port: Number(new URL(url).port) }
    },
    send: async (messages, to = 'json') => {
      await Promise.all(
        messages.map(async (message) => {
          while (!isClosed) {
            const status = await post(message, to)
            // Refused for good: its sender would not send it again.
            if (status !== undefined && status >= 400 && status < 500) return
            if (status === 202) {
              acknowledged += 1
              return
            }
            await delay(50)
          }
        }),
      )
    },
    heldAtMost: 0,
    // It answers 503: what it has taken in, it has acknowledged.
    takenIn: () => acknowledged,
    acknowledged: () => acknowledged,
    holdAcknowledgements: () => {
      passage.hold()
    },
    cut: () => {
      passage.cut()
    },
    close: async () => {
      isClosed = true
      agent.destroy()
      await passage.close()
    },
  }
}
