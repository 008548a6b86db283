import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as it came in. */
export interface ReceivedRequest {
  readonly id: string
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** How often this id has come by now. */
  readonly visit: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * What a target does with a request: an answer; none for ever; a reset; the half of a head; or a head that
 * promises more than comes, or a body that never ends.
 */
export type TargetAnswer =
  | number
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  | 'hang'
  | 'reset'
  | 'half head'
  | 'half body'
  | 'endless body'

/** How a target answers from now on. */
export type TargetAnswers = (request: ReceivedRequest) => TargetAnswer | Promise<TargetAnswer>

/** A real server of somebody else. */
export interface Target {
  readonly url: string
  /** Everything that came in, repeats too, in order. */
  readonly received: readonly ReceivedRequest[]
  answer(how: TargetAnswers): void
  /** Breaks every connection and takes no new one: they are refused. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
}

/** Starts a target on a port of its own; it takes everything. End it with {@link Target.goAway}. */
export async function startTarget(): Promise<Target> {
  const received: ReceivedRequest[] = []
  const visits = new Map<string, number>()
  const sockets = new Set<Socket>()
  let how: TargetAnswers = () => 200
  let server: Server
  let port = 0

  async function listen(): Promise<void> {
    server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('error', () => undefined)
      request.on('end', () => {
        const id = String(request.headers['idempotency-key'])
        const visit = (visits.get(id) ?? 0) + 1
        visits.set(id, visit)
        const { method = '', url = '', headers } = request
        const one = {
          id,
          method,
          path: url,
          headers,
          body: Buffer.concat(parts),
          visit,
          at: Date.now(),
        }
        received.push(one)
        void Promise.resolve(how(one)).then((answer) => write(response, answer))
      })
    })
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }

  await listen()
  return {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    received,
    answer: (next) => {
      how = next
    },
    goAway: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    comeBack: listen,
  }
}

function write(response: ServerResponse, answer: TargetAnswer): void {
  const { socket } = response
  if (answer === 'hang' || socket === null) return
  if (answer === 'reset') socket.resetAndDestroy()
  else if (answer === 'half head') socket.end('HTTP/1.1 200 OK\r\ncontent-le')
  else if (answer === 'half body') {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
  } else if (answer === 'endless body') pour(response)
  else if (typeof answer === 'number') response.writeHead(answer).end()
  else response.writeHead(answer.status, answer.headers).end(answer.body)
}

function pour(response: ServerResponse): void {
  const part = Buffer.alloc(64 * 1024, 'x')
  response.on('error', () => undefined)
  const more = (): void => {
    while (!response.destroyed && response.write(part));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}
