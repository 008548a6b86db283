import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { AdapterDefinition } from '../../../src/ports/adapter.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'

const connectionOptions = z.object({ port: z.int().describe('Where the far side listens.') })
const publicationOptions = z.object({
  topic: z.string().optional().describe('Template of the topic.'),
  options: z.record(z.string(), z.unknown()).optional().describe('Templates at any depth.'),
})

/** Until a connection that broke is tried again, in milliseconds. */
const AGAIN_MS = 30

const BROKEN: Publishing = { outcome: 'unconfirmed', error: 'the connection broke' }
const AWAY: Publishing = { outcome: 'unsent', error: 'there is no connection' }

/**
 * Speaks to the far side beside it over a socket, as one of kafka: a protocol that can send only while its
 * connection is there, and does not know what became of a message when that breaks.
 */
export const lineAdapter: AdapterDefinition<
  z.ZodObject,
  typeof connectionOptions,
  typeof publicationOptions
> = {
  protocol: 'kafka',
  subscriptionOptions: z.object({}),
  connectionOptions,
  publicationOptions,
  templates: ['topic', 'options'],
  subscriptionConnection: 'required',
  start: async ({ connection, connected }) => {
    const pending = new Map<string, (publishing: Publishing) => void>()
    let socket: Socket | undefined
    let stopped = false

    function dial(): void {
      if (stopped) return
      const fresh = connect({ port: connection?.options.port ?? 0, host: '127.0.0.1' })
      fresh.on('error', () => undefined)
      fresh.on('connect', () => {
        socket = fresh
        connected(true)
      })
      fresh.on('close', () => {
        socket = undefined
        connected(false)
        for (const settle of [...pending.values()]) settle(BROKEN)
        setTimeout(dial, AGAIN_MS).unref()
      })
      const lines = createInterface({ input: fresh })
      // It tells of what goes wrong with its input once more.
      lines.on('error', () => undefined)
      lines.on('line', (line) => {
        const { id, ...publishing } = JSON.parse(line) as Publishing & { id: string }
        pending.get(id)?.(publishing)
      })
    }

    function send(
      to: Socket,
      publication: string,
      message: OutboundMessage,
      signal: AbortSignal,
    ): Promise<Publishing> {
      return new Promise((resolve) => {
        const settle = (publishing: Publishing): void => {
          pending.delete(message.id)
          resolve(publishing)
        }
        pending.set(message.id, settle)
        signal.addEventListener('abort', () => {
          settle({ outcome: 'unconfirmed', error: 'nobody waits' })
        })
        const payload = Buffer.from(message.payload).toString()
        to.write(`${JSON.stringify({ ...message, publication, payload })}\n`)
      })
    }

    dial()
    return {
      health: () => ({ status: socket === undefined ? 'down' : 'ok' }),
      publish: async (publication, messages, signal) => {
        const to = socket
        if (to === undefined) return messages.map(() => AWAY)
        return await Promise.all(messages.map((each) => send(to, publication, each, signal)))
      },
      stop: async () => {
        stopped = true
        socket?.destroy()
      },
    }
  },
}
