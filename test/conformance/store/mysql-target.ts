import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import mysql, { type PoolOptions, type RowDataPacket } from 'mysql2/promise'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { migrateMysql } from '../../../src/store/mysql/migrate.ts'
import type { MariadbService } from '../../services/mariadb-service.ts'
import { type MariadbTemplate, readTemplate } from '../../services/mariadb-template.ts'
import type { Row, Target, TargetDatabase, TargetServer } from './target.ts'

/** A target on MariaDB or MySQL, however its server is started. */
export function mysqlTarget(name: string, start: () => Promise<MariadbService>): Target {
  let started: Promise<TargetServer> | undefined
  return {
    name,
    start: () =>
      (started ??= start().then((service) => {
        const server = migratedServer(service)
        // Whoever comes after the end gets one anew: several files may run in one process.
        const stop = (): Promise<void> => {
          started = undefined
          return server.stop()
        }
        return { ...server, stop }
      })),
  }
}

function migratedServer(service: MariadbService): TargetServer {
  const newUri = (): string =>
    `${service.url.replace(/\/$/, '')}/test_${randomBytes(6).toString('hex')}`
  let template: Promise<MariadbTemplate> | undefined
  const migrated = async (): Promise<MariadbTemplate> => {
    const uri = newUri()
    await migrateMysql({ connection: { uri }, dryRun: false })
    return await readTemplate(uri)
  }
  return {
    controllable: service.controllable,
    announces: false,
    errorsEndTransactions: false,
    openDatabase: async () => {
      const uri = newUri()
      await (await (template ??= migrated())).copyTo(uri)
      return targetDatabase(uri)
    },
    kill: () => service.kill(),
    restart: () => service.restart(),
    stop: () => service.stop(),
  }
}

function targetDatabase(uri: string): TargetDatabase {
  const settings: PoolOptions = { uri, timezone: 'Z', charset: 'utf8mb4' }
  const pool = mysql.createPool({ ...settings, connectionLimit: 4 })
  const own = new Set<number>()
  pool.pool.on('connection', (connection) => {
    own.add(connection.threadId)
    connection.on('error', () => undefined)
  })

  async function sql(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const [rows] = await pool.query<RowDataPacket[]>(text, [...values])
    return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : []
  }

  /** The sessions of stores: those of this database that are not the tests' own. */
  async function sessions(): Promise<readonly Row[]> {
    const rows = await sql(
      'SELECT id, command FROM information_schema.processlist WHERE db = DATABASE()',
    )
    return rows.filter((row) => !own.has(Number(row['id'] ?? row['ID'])))
  }

  return {
    url: uri,
    openStore: (options = {}) =>
      createMysqlStore({
        connection: { uri },
        handlerConnections: options.handlerConnections ?? 4,
        idleInTransactionMs: options.idleInTransactionMs ?? 15_000,
        onConnectionError: () => undefined,
      }),
    sql,
    sqlInZone: async (zone, text, values = []) => {
      const offset = OFFSETS[zone]
      if (offset === undefined) throw new Error(`no offset is known for ${zone}`)
      const connection = await mysql.createConnection(settings)
      try {
        await connection.query('SET time_zone = ?', [offset])
        const [rows] = await connection.query<RowDataPacket[]>(text, [...values])
        return Array.isArray(rows) ? rows : []
      } finally {
        await connection.end()
      }
    },
    sqlAsGiver: async (text) => {
      const connection = await pool.getConnection()
      try {
        await connection.query('SET @crossdock_gives_turns = 1')
        await connection.query(text)
      } finally {
        connection.destroy()
      }
    },
    lockRow: async (id, table = 'queue_jobs') => {
      const connection = await pool.getConnection()
      await connection.query('START TRANSACTION')
      await connection.query(`SELECT 1 FROM ${table} WHERE id = ? FOR UPDATE`, [id])
      return {
        release: async () => {
          await connection.query('ROLLBACK')
          connection.release()
        },
      }
    },
    openTransaction: async () => {
      const connection = await pool.getConnection()
      await connection.query('START TRANSACTION')
      return {
        sql: async (text, values = []) => {
          await connection.query(text, [...values])
        },
        commit: async () => {
          await connection.query('COMMIT')
          connection.release()
        },
      }
    },
    standInTheWay: async ({ takes, wants }) => {
      const connection = await pool.getConnection()
      await connection.query('CREATE TABLE IF NOT EXISTS ballast (name varchar(100))')
      await connection.query('START TRANSACTION')
      // The server breaks off the one of the two that has less to undo.
      await connection.query(
        'INSERT INTO ballast SELECT collation_name FROM information_schema.collations',
      )
      await connection.query(takes)
      const wait = async (): Promise<void> => {
        for (;;) {
          // The server shows the same for a tenth of a second, and prolongs that with each look.
          await delay(120)
          const waiting = await sql(
            `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`,
          )
          if (waiting.length > 0) break
        }
        await connection.query(wants)
        await connection.query('ROLLBACK')
        connection.release()
      }
      return { over: wait() }
    },
    breakConnections: async () => {
      for (const row of await sessions()) {
        await sql(`KILL CONNECTION ${Number(row['id'] ?? row['ID'])}`).catch(() => undefined)
      }
    },
    sleep: (seconds) => `SELECT SLEEP(${seconds})`,
    busyConnections: async () => {
      const rows = await sessions()
      return rows.filter((row) => (row['command'] ?? row['COMMAND']) === 'Query').length
    },
    refusedAtCommit: () => Promise.resolve(undefined),
    breakingAtCommit: () => Promise.resolve(undefined),
    drop: async () => {
      const [rows] = await pool.query<(RowDataPacket & { name: string })[]>(
        'SELECT DATABASE() AS name',
      )
      await sql(`DROP DATABASE ${rows[0]?.name ?? ''}`)
      await pool.end()
    },
  }
}

/** The server's own tables of time zones are empty unless somebody has filled them. */
const OFFSETS: Readonly<Record<string, string>> = {
  'America/New_York': '-05:00',
  'Asia/Kolkata': '+05:30',
}
