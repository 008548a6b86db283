import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Headers } from '../../../src/domain/job.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'

/** A message as it came in over the wire. */
export interface ReceivedMessage {
  readonly id: string
  readonly publication: string
  readonly payload: string
  readonly contentType: string | undefined
  readonly key: string | undefined
  readonly headers: Headers
  readonly target: Readonly<Record<string, Json>>
  readonly attempt: number
}

/** What a far side does with a message: an answer, none for ever, or the connection breaks behind it. */
export type Answer = Publishing | 'hang' | 'break'

/** A server that takes messages, line by line, for the adapter beside it. */
export interface FarSide {
  readonly port: number
  /** Everything that came in, repeats too, in order. */
  readonly received: readonly ReceivedMessage[]
  /** The most messages of one publication that were unanswered at once. */
  mostAtOnce(publication: string): number
  /** That are open now. */
  connections(): number
  /** From now on. */
  answer(how: (message: ReceivedMessage) => Answer | Promise<Answer>): void
  /** Breaks every connection and takes no new one. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
  stop(): Promise<void>
}

const TAKEN: Publishing = { outcome: 'published', answer: 'taken' }

/** Starts a far side on a port of its own. It takes everything. */
export async function startFarSide(): Promise<FarSide> {
  const received: ReceivedMessage[] = []
  const sockets = new Set<Socket>()
  const open = new Map<string, number>()
  const most = new Map<string, number>()
  let how: (message: ReceivedMessage) => Answer | Promise<Answer> = () => TAKEN
  let server: Server
  let port = 0

  async function take(message: ReceivedMessage, socket: Socket): Promise<void> {
    const { publication, id } = message
    received.push(message)
    const count = (open.get(publication) ?? 0) + 1
    open.set(publication, count)
    most.set(publication, Math.max(most.get(publication) ?? 0, count))
    const answer = await how(message)
    if (answer === 'hang') return
    open.set(publication, (open.get(publication) ?? 1) - 1)
    if (answer === 'break') socket.destroy()
    else if (!socket.destroyed) socket.write(`${JSON.stringify({ id, ...answer })}\n`)
  }

  async function listen(): Promise<void> {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      const lines = createInterface({ input: socket })
      lines.on('error', () => undefined)
      lines.on('line', (line) => {
        void take(JSON.parse(line) as ReceivedMessage, socket)
      })
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address !== null) port = address.port
  }

  async function goAway(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await listen()
  return {
    get port() {
      return port
    },
    received,
    mostAtOnce: (publication) => most.get(publication) ?? 0,
    connections: () => sockets.size,
    answer: (next) => {
      how = next
    },
    goAway,
    comeBack: listen,
    stop: goAway,
  }
}
