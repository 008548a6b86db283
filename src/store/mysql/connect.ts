import mysql, { type Pool, type PoolConnection, type RowDataPacket } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import { createContentionGuard, type ContentionGuard } from '../contention.ts'
import { CONNECTION_WAIT_MS, HANDLER_WAIT_MS } from '../limits.ts'
import { ask } from './ask.ts'
import { createTriggerRepair, type TriggerRepairSettings } from './broken-triggers.ts'
import { answeredInTime, connectionWithin } from './connection-limits.ts'
import { databaseOf, options, type MysqlConnection } from './connection-options.ts'
import { contentionOf, errnoOf, translateError } from './errors.ts'
import { sessionStatement } from './session.ts'

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
  /** Told how triggers that the server held for broken were repaired, or why not; left out: nobody is. */
  readonly onTriggerRepair?: TriggerRepairSettings['onRepair']
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
  /**
   * Work with a connection for our own, begun once there is one: one statement, or {@link together}. All
   * of it is made again after a deadlock.
   */
  connected<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** Statements that commit together; all of them are made again after a deadlock. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** What repeats the two above, and counts. */
  readonly contention: ContentionGuard
  /** The longest text of a statement, in bytes. Connects where nothing has been connected yet. */
  maxStatementBytes(): Promise<number>
  /** Whether the server, connected to before, runs BEGIN NOT ATOMIC … END outside of routines. */
  takesBlocks(): boolean
  /** A connection of a handler, its session as {@link handlerSession} sets it. */
  openHandlerConnection(): Promise<PoolConnection>
  /** Brings a handler's session back to what it was before the handler had it. */
  readonly handlerSession: string
  /** Takes an error of a handler's own statement, which may tell of triggers that the server holds for broken. */
  noticeTriggers(error: unknown): void
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
  readonly instances: string
  readonly pauses: string
  readonly clientSlots: string
  readonly clientPackets: string
  readonly jobs: string
}

const SERVICE_CONNECTIONS = 6

/** Somebody's open transaction on one row must not hold up the group that has it; whole seconds alone can be asked for. */
const LOCK_WAIT_SECONDS = 1

/** Of the largest packet, what stays free for the protocol. */
const PACKET_SLACK = 1024

/** Until a server has said what it takes: MySQL's and MariaDB's smallest default of this century. */
const SMALLEST_PACKET = 1024 * 1024

/** Where connections of one kind come from. */
interface Source {
  readonly pool: Pool
  /** What each connection is told first. */
  readonly session: string
  /** The longest wait for one of them, in milliseconds. */
  readonly waitMs: number
}

/** Opens the pools; connects lazily. */
export function connectMysql(settings: MysqlSettings): Database {
  const { connection, idleInTransactionMs } = settings
  const schema = settings.schema ?? databaseOf(connection)
  const handlerSession = sessionStatement({ autocommit: false, idleInTransactionMs })
  const service: Source = {
    pool: mysql.createPool({
      ...options(connection, 'crossdock'),
      connectionLimit: SERVICE_CONNECTIONS,
      jsonStrings: true,
    }),
    session: sessionStatement({
      autocommit: true,
      givesTurns: true,
      lockWaitSeconds: LOCK_WAIT_SECONDS,
      idleInTransactionMs,
    }),
    waitMs: CONNECTION_WAIT_MS,
  }
  const handlers: Source = {
    pool: mysql.createPool({
      ...options(connection, 'crossdock handlers'),
      connectionLimit: settings.handlerConnections,
    }),
    session: handlerSession,
    waitMs: HANDLER_WAIT_MS,
  }
  const names = namesIn(schema)
  const contention = createContentionGuard(contentionOf)
  const triggers = createTriggerRepair({
    connection,
    tables: [names.queueJobs, names.jobHistories, names.jobs],
    onRepair: (outcome) => settings.onTriggerRepair?.(outcome),
  })
  const prepared = new WeakSet()
  let packetBytes: number | undefined
  let isMariadb = false
  let closed = false

  /** On MariaDB alone: what MySQL keeps of triggers, and for whom its FLUSH TABLES waits, was not tried. */
  function noticeTriggers(error: unknown): void {
    if (isMariadb) triggers.consider(error)
  }

  async function open({ pool, session, waitMs }: Source): Promise<PoolConnection> {
    const opened = await connectionWithin(pool, waitMs)
    const raw = opened.connection
    if (prepared.has(raw)) return opened
    try {
      // Whoever holds it learns of a broken connection by the next statement.
      raw.on('error', settings.onConnectionError)
      await answeredInTime(opened, opened.query(session))
      if (packetBytes === undefined) {
        const asked = opened.query<(RowDataPacket & { bytes: string; version: string })[]>(
          'SELECT @@max_allowed_packet AS bytes, VERSION() AS version',
        )
        const [rows] = await answeredInTime(opened, asked)
        packetBytes = Number(rows[0]?.bytes ?? SMALLEST_PACKET)
        isMariadb = /mariadb/i.test(rows[0]?.version ?? '')
      }
      prepared.add(raw)
      return opened
    } catch (error) {
      opened.destroy()
      throw error
    }
  }

  async function openTranslated(source: Source): Promise<PoolConnection> {
    try {
      return await open(source)
    } catch (error) {
      throw translateError(error)
    }
  }

  /** A handler's connection may wait as long as its job may take. */
  function runOn(held: PoolConnection, isLimited: boolean): Run {
    return async <Row>(text: string): Promise<Answer<Row>> => {
      refuseTooLarge(text, packetBytes ?? SMALLEST_PACKET)
      try {
        const asked = ask(held, text)
        const answer = await (isLimited ? answeredInTime(held, asked) : asked)
        return Array.isArray(answer)
          ? { rows: answer as Row[], affected: 0 }
          : { rows: [], affected: answer.affectedRows }
      } catch (error) {
        noticeTriggers(error)
        throw translateError(error)
      }
    }
  }

  /** A connection in an unknown state goes; the server undoes what it held. */
  async function withService<T>(work: (run: Run) => Promise<T>, undo: string | null): Promise<T> {
    const held = await openTranslated(service)
    try {
      const result = await work(runOn(held, true))
      held.release()
      return result
    } catch (error) {
      const usable =
        errnoOf(error) !== undefined &&
        translateError(error).code !== 'database_unavailable' &&
        (undo === null ||
          (await answeredInTime(held, held.query(undo)).then(
            () => true,
            () => false,
          )))
      if (usable) held.release()
      else held.destroy()
      throw translateError(error)
    }
  }

  return {
    names,
    idleInTransactionMs,
    run: <Row>(text: string) =>
      contention.repeated(() => withService((run) => run<Row>(text), null)),
    connected: (work) => contention.repeated(() => withService(work, 'ROLLBACK')),
    transaction: (work) =>
      contention.repeated(() => withService((run) => together(run, () => work(run)), 'ROLLBACK')),
    contention,
    maxStatementBytes: async () => {
      if (packetBytes === undefined) await withService(async () => undefined, null)
      return (packetBytes ?? SMALLEST_PACKET) - PACKET_SLACK
    },
    takesBlocks: () => isMariadb,
    openHandlerConnection: () => openTranslated(handlers),
    handlerSession,
    noticeTriggers,
    runOn: (held) => runOn(held, false),
    openClient: () => mysql.createConnection(options(connection, 'crossdock listener')),
    close: async () => {
      if (closed) return
      closed = true
      triggers.stop()
      await Promise.all([service.pool.end(), handlers.pool.end()]).catch(() => undefined)
    },
  }
}

function namesIn(schema: string): Names {
  const name = (table: string): string => `${mysql.escapeId(schema, true)}.${table}`
  return {
    queueJobs: name('queue_jobs'),
    jobHistories: name('job_histories'),
    instances: name('crossdock_instances'),
    pauses: name('crossdock_pauses'),
    clientSlots: name('crossdock_client_slots'),
    clientPackets: name('crossdock_client_packets'),
    jobs: name('jobs'),
  }
}

/** Runs work in a transaction of the connection; who gave the connection undoes it when this throws. */
export async function together<T>(run: Run, work: () => Promise<T>): Promise<T> {
  await run('START TRANSACTION')
  const result = await work()
  await run('COMMIT')
  return result
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
