import { createConnection } from 'node:net'
import path from 'node:path'

/** The superuser of the embedded server. */
export const USER = 'crossdock'

/** The database that Crossdock lives in. */
export const DATABASE = 'crossdock'

/** How a server answered one connection and, where one was sent, one statement. */
export type ServerAnswer =
  | { readonly kind: 'done'; readonly serverVersion: string }
  | { readonly kind: 'refused'; readonly sqlState: string; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string }

/** What {@link askServer} connects to and says. */
export interface ServerQuestion {
  readonly socketFolder: string
  readonly port: number
  readonly database: string
  /** One statement, by the simple protocol; nothing is read of its result. */
  readonly sql?: string
}

const ANSWER_LIMIT_MS = 30_000
const PROTOCOL_3_0 = 196_608

/**
 * Connects over the socket, says one statement, and closes: enough to learn whether a server is
 * ready, which version it is, and to create its database. Never rejects.
 *
 * The `pg` driver would do too; this keeps the launcher free of dependencies and knows no
 * authentication but trust, so that it cannot be talked into sending a password.
 * Source: PostgreSQL documentation, "Frontend/Backend Protocol".
 */
export function askServer(question: ServerQuestion): Promise<ServerAnswer> {
  return new Promise((resolve) => {
    const socket = createConnection(path.join(question.socketFolder, `.s.PGSQL.${question.port}`))
    let received = Buffer.alloc(0)
    let serverVersion = ''
    let toSay = question.sql
    let refusal: ServerAnswer | undefined
    const answer = (given: ServerAnswer): void => {
      socket.destroy()
      resolve(given)
    }
    const hear = (type: string, body: Buffer): void => {
      if (type === 'S') {
        const [name, value] = body.toString('utf8').split('\0')
        if (name === 'server_version') serverVersion = value ?? ''
      } else if (type === 'E') {
        refusal = readRefusal(body)
      } else if (type === 'R' && body.readInt32BE(0) !== 0) {
        answer({ kind: 'refused', sqlState: '28000', message: 'it wants a password on its socket' })
      } else if (type === 'Z' && refusal === undefined && toSay !== undefined) {
        socket.write(message('Q', `${toSay}\0`))
        toSay = undefined
      } else if (type === 'Z') {
        socket.write(message('X', ''))
        answer(refusal ?? { kind: 'done', serverVersion })
      }
    }
    socket.setTimeout(ANSWER_LIMIT_MS, () => {
      answer({ kind: 'unreachable', message: 'no answer on the socket' })
    })
    socket.on('error', (error) => {
      answer(refusal ?? { kind: 'unreachable', message: error.message })
    })
    socket.on('close', () => {
      answer(refusal ?? { kind: 'unreachable', message: 'the connection was closed' })
    })
    socket.on('connect', () => socket.write(startup(question.database)))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 5 && received.length > received.readInt32BE(1)) {
        const end = received.readInt32BE(1) + 1
        const [type, body] = [received.toString('latin1', 0, 1), received.subarray(5, end)]
        received = received.subarray(end)
        hear(type, body)
      }
    })
  })
}

function startup(database: string): Buffer {
  const settings = `user\0${USER}\0database\0${database}\0application_name\0crossdock launcher\0\0`
  const body = Buffer.from(settings)
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 8, 0)
  head.writeInt32BE(PROTOCOL_3_0, 4)
  return Buffer.concat([head, body])
}

function message(type: string, text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function readRefusal(body: Buffer): ServerAnswer {
  const fields = body.toString('utf8').split('\0')
  const field = (code: string): string =>
    fields.find((candidate) => candidate.startsWith(code))?.slice(1) ?? ''
  return { kind: 'refused', sqlState: field('C'), message: field('M') }
}
