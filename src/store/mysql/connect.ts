import type { Socket } from 'node:net'
import mysql, {
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import { repeatOnDeadlock } from './deadlocks.ts'
import { errnoOf, translateError } from './errors.ts'
import { sessionStatement, type SessionOptions } from './session.ts'

/** How to reach a MySQL or MariaDB server: what `mysql2` takes, narrowed to what we use. */
export interface MysqlConnection {
  readonly uri?: string
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly ssl?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly rejectUnauthorized?: boolean
    /** Whether the certificate must be of this host. */
    readonly verifyIdentity?: boolean
  }
}

/** What {@link connectMysql} needs. */
export interface MysqlSettings {
  readonly connection: MysqlConnection
  /** The database of the tables; left out: that of the connection. */
  readonly schema?: string | undefined
  /** Connections for handlers' transactions. */
  readonly handlerConnections: number
  /** Below the lease: a process that stands still must not keep row locks beyond it. In milliseconds. */
  readonly idleInTransactionMs: number
  /** Told of connections that broke while idle. */
  readonly onConnectionError: (error: Error) => void
  /** Told of each transaction that was made again after a deadlock. */
  readonly onDeadlock?: (() => void) | undefined
}

/** What a statement gave. */
export interface Answer<Row> {
  readonly rows: readonly Row[]
  /** Rows inserted, deleted, or changed to other values. */
  readonly affected: number
}

/** Runs one statement, its values already in its text. Errors are translated. */
export type Run = <Row>(text: string) => Promise<Answer<Row>>

/** The connections of one store. */
export interface Database {
  /** Qualified, quoted names. */
  readonly names: Names
  readonly idleInTransactionMs: number
  /** One statement on a connection for our own, committed by itself; made again after a deadlock. */
  readonly run: Run
  /** Statements that commit together; all of them are made again after a deadlock. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** The longest text of a statement, in bytes. Connects where nothing has been connected yet. */
  maxStatementBytes(): Promise<number>
  /** A connection of a handler, its session as {@link handlerSession} sets it. */
  openHandlerConnection(): Promise<PoolConnection>
  /** Brings a handler's session back to what it was before the handler had it. */
  readonly handlerSession: string
  /** Runs a statement of ours on a handler's connection. */
  runOn(connection: PoolConnection): Run
  /** A connection of its own, outside the pools. */
  openClient(): Promise<mysql.Connection>
  close(): Promise<void>
}

/** Qualified, quoted names of our tables. */
export interface Names {
  readonly queueJobs: string
  readonly jobHistories: string
  readonly jobs: string
}

const SERVICE_CONNECTIONS = 6

/** Somebody's open transaction on one row must not hold up the group that has it. */
const LOCK_WAIT_SECONDS = 1

/** Of the largest packet, what stays free for the protocol. */
const PACKET_SLACK = 1024

/** Until a server has said what it takes: MySQL's and MariaDB's smallest default of this century. */
const SMALLEST_PACKET = 1024 * 1024

/** Opens the pools; connects lazily. */
export function connectMysql(settings: MysqlSettings): Database {
  const { connection, idleInTransactionMs } = settings
  const schema = settings.schema ?? databaseOf(connection)
  const service = sessionStatement({
    autocommit: true,
    lockWaitSeconds: LOCK_WAIT_SECONDS,
    idleInTransactionMs,
  } satisfies SessionOptions)
  const handlerSession = sessionStatement({ autocommit: false, idleInTransactionMs })
  const servicePool = mysql.createPool({
    ...options(connection, 'crossdock'),
    connectionLimit: SERVICE_CONNECTIONS,
    jsonStrings: true,
  })
  const handlerPool = mysql.createPool({
    ...options(connection, 'crossdock handlers'),
    connectionLimit: settings.handlerConnections,
  })
  const prepared = new WeakSet()
  let packetBytes: number | undefined
  let closed = false

  async function open(pool: Pool, session: string): Promise<PoolConnection> {
    const opened = await pool.getConnection()
    const raw = opened.connection
    if (prepared.has(raw)) return opened
    try {
      // Whoever holds it learns of a broken connection by the next statement.
      raw.on('error', settings.onConnectionError)
      await opened.query(session)
      if (packetBytes === undefined) {
        const [rows] = await opened.query<(RowDataPacket & { bytes: string | number })[]>(
          'SELECT @@max_allowed_packet AS bytes',
        )
        packetBytes = Number(rows[0]?.bytes ?? SMALLEST_PACKET)
      }
      prepared.add(raw)
      return opened
    } catch (error) {
      opened.destroy()
      throw error
    }
  }

  async function openTranslated(pool: Pool, session: string): Promise<PoolConnection> {
    try {
      return await open(pool, session)
    } catch (error) {
      throw translateError(error)
    }
  }

  function runOn(held: PoolConnection): Run {
    return async <Row>(text: string): Promise<Answer<Row>> => {
      refuseTooLarge(text, packetBytes ?? SMALLEST_PACKET)
      try {
        const [answer] = await held.query<ResultSetHeader | RowDataPacket[]>(text)
        return Array.isArray(answer)
          ? { rows: answer as Row[], affected: 0 }
          : { rows: [], affected: answer.affectedRows }
      } catch (error) {
        throw translateError(error)
      }
    }
  }

  /** A connection in an unknown state goes; the server undoes what it held. */
  async function withService<T>(work: (run: Run) => Promise<T>, undo: string | null): Promise<T> {
    const held = await openTranslated(servicePool, service)
    try {
      const result = await work(runOn(held))
      held.release()
      return result
    } catch (error) {
      const usable =
        errnoOf(error) !== undefined &&
        translateError(error).code !== 'database_unavailable' &&
        (undo === null ||
          (await held.query(undo).then(
            () => true,
            () => false,
          )))
      if (usable) held.release()
      else held.destroy()
      throw translateError(error)
    }
  }

  return {
    names: {
      queueJobs: `${mysql.escapeId(schema, true)}.queue_jobs`,
      jobHistories: `${mysql.escapeId(schema, true)}.job_histories`,
      jobs: `${mysql.escapeId(schema, true)}.jobs`,
    },
    idleInTransactionMs,
    run: <Row>(text: string) =>
      repeatOnDeadlock(() => withService((run) => run<Row>(text), null), settings.onDeadlock),
    transaction: (work) =>
      repeatOnDeadlock(
        () =>
          withService(async (run) => {
            await run('START TRANSACTION')
            const result = await work(run)
            await run('COMMIT')
            return result
          }, 'ROLLBACK'),
        settings.onDeadlock,
      ),
    maxStatementBytes: async () => {
      if (packetBytes === undefined) await withService(async () => undefined, null)
      return (packetBytes ?? SMALLEST_PACKET) - PACKET_SLACK
    },
    openHandlerConnection: () => openTranslated(handlerPool, handlerSession),
    handlerSession,
    runOn,
    openClient: () => mysql.createConnection(options(connection, 'crossdock listener')),
    close: async () => {
      if (closed) return
      closed = true
      await Promise.all([servicePool.end(), handlerPool.end()]).catch(() => undefined)
    },
  }
}

/**
 * Breaks a connection at once, whatever runs on it. By its socket: the driver's own `destroy` leaves the
 * statement under way without an answer for ever.
 */
export function breakConnection(connection: PoolConnection): void {
  const { stream } = connection.connection as unknown as { readonly stream?: Socket }
  // Out of the pool, once whoever waited has been told.
  stream?.once('close', () => {
    connection.destroy()
  })
  stream?.destroy()
}

/** What every connection of ours is told. Also for those outside a store. */
export function options(connection: MysqlConnection, program: string): PoolOptions {
  return {
    ...connection,
    charset: 'utf8mb4_bin',
    // Times are UTC in the tables, in the sessions and here.
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: true,
    // Rows that an UPDATE found, but left as they were, are not counted.
    flags: ['-FOUND_ROWS'],
    connectTimeout: 5_000,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    connectAttributes: { program_name: program },
  }
}

/**
 * The database that a connection leads to.
 * @throws CrossdockError `config_invalid` where it names none
 */
export function databaseOf({ database, uri }: MysqlConnection): string {
  const named =
    database ?? decodeURIComponent(/^\w+:\/\/[^/]*\/([^/?]*)/.exec(uri ?? '')?.[1] ?? '')
  if (named !== '') return named
  throw new CrossdockError(
    'config_invalid',
    'the address of the database names no database: it ends like mysql://HOST:3306/crossdock',
  )
}

/** What the server would answer by breaking the connection, which looks exactly like an outage. */
function refuseTooLarge(text: string, packetBytes: number): void {
  if (text.length * 3 + PACKET_SLACK <= packetBytes) return
  const bytes = Buffer.byteLength(text)
  if (bytes + PACKET_SLACK <= packetBytes) return
  throw new CrossdockError(
    'payload_too_large',
    `${bytes} bytes are more than the ${packetBytes} that the server takes in one statement:` +
      ' raise its max_allowed_packet, or send less',
    { details: { bytes, packetBytes } },
  )
}
