import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { z } from 'zod'
import { httpConnectionOptions } from '../../../../adapters/http/connection-options.ts'
import { httpAdapter } from '../../../../adapters/http/index.ts'
import { httpPublicationOptions } from '../../../../adapters/http/publication-options.ts'
import { silentLog } from '../../../../src/observe/log.ts'
import type { RunningAdapter } from '../../../../src/ports/adapter.ts'
import type { Log } from '../../../../src/ports/log.ts'
import type { OutboundMessage, Publishing } from '../../../../src/ports/outbound.ts'
import { adapterTools } from '../../../services/adapter-tools.ts'

/** A message with what tests do not care about filled in. */
export function message(given: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: 'job-1',
    payload: Buffer.from('{"n":1}'),
    contentType: 'application/json',
    key: undefined,
    headers: {},
    target: { path: [{ literal: '/in' }] },
    attempt: 1,
    ...given,
  }
}

/** The outbound side of one connection, with the publication `out`. */
export interface StartedPublisher {
  readonly adapter: RunningAdapter
  publish(
    messages: readonly OutboundMessage[],
    signal?: AbortSignal,
  ): Promise<readonly Publishing[]>
  one(given?: Partial<OutboundMessage>, signal?: AbortSignal): Promise<Publishing>
}

/** Starts the adapter for one connection; it is stopped when the test has finished. */
export async function startPublisher(
  url: string,
  {
    connection = {},
    publication = {},
    timeoutMs = 3_000,
    log = silentLog,
  }: {
    readonly connection?: z.input<typeof httpConnectionOptions>
    readonly publication?: z.input<typeof httpPublicationOptions>
    readonly timeoutMs?: number
    readonly log?: Log
  } = {},
): Promise<StartedPublisher> {
  const adapter = await httpAdapter.start({
    connection: {
      name: 'far',
      options: httpConnectionOptions.parse({ base_url: url, ...connection }),
    },
    publications: [{ name: 'out', options: httpPublicationOptions.parse(publication), timeoutMs }],
    subscriptions: [],
    slots: { take: async () => undefined },
    instance: { name: 'test', id: 'test-1' },
    connected: () => undefined,
    failed: () => undefined,
    ...adapterTools({ deliver: () => Promise.reject(new Error('nothing comes in')) }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('no port is wanted')
      },
    },
    jobs: { untilEnded: () => Promise.reject(new Error('nobody waits')) },
    log,
  })
  onTestFinished(() => adapter.stop())
  const publish: StartedPublisher['publish'] = async (
    messages,
    signal = new AbortController().signal,
  ) => (await adapter.publish?.('out', messages, signal)) ?? []
  return {
    adapter,
    publish,
    one: async (given, signal) => (await publish([message(given)], signal))[0] as Publishing,
  }
}

/** A request as it came over the wire. */
export interface WireRequest {
  readonly text: string
  readonly socket: Socket
}

/** A server that answers whatever bytes a test wants. */
export interface FarSide {
  readonly url: string
  readonly port: number
  /** Every whole request so far. */
  readonly requests: WireRequest[]
  readonly sockets: Socket[]
  close(): Promise<void>
}

/** Answers each whole request by `answer`; `onConnect` sees the bare connection first. */
export async function startFarSide(
  answer: (request: WireRequest, index: number) => void,
  {
    port = 0,
    onConnect = () => undefined,
  }: { readonly port?: number; readonly onConnect?: (socket: Socket) => void } = {},
): Promise<FarSide> {
  const requests: WireRequest[] = []
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    onConnect(socket)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      for (;;) {
        const end = received.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1] ?? 0)
        if (received.length < end + 4 + length) return
        const request = { text: received.slice(0, end + 4 + length), socket }
        received = received.slice(end + 4 + length)
        requests.push(request)
        answer(request, requests.length - 1)
      }
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, requests, sockets, close }
}

/** A whole answer. */
export function reply(
  status: number,
  { headers = {}, body = '' }: { headers?: Readonly<Record<string, string>>; body?: string } = {},
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Words\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
