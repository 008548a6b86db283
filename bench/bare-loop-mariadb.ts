import mysql, { type Connection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import {
  bareLoopName,
  drainOneByOne,
  type BareJob,
  type BareLoop,
  type BareTables,
} from './bare-loop.ts'

const LEAN_TABLES = [
  `CREATE TABLE bare_jobs (
    id varchar(64) PRIMARY KEY, queue varchar(100) NOT NULL DEFAULT 'default', handler varchar(255) NOT NULL,
    payload longtext, statusid integer NOT NULL DEFAULT 0, claimrank integer NOT NULL DEFAULT 0,
    leaseepoch integer NOT NULL DEFAULT 0, lockedby varchar(255), leaseexpiresat datetime(6), result longtext,
    startedat datetime(6), completedat datetime(6),
    createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY bare_ready (queue, statusid, claimrank, id)
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin`,
  `CREATE TABLE bare_histories (
    id bigint AUTO_INCREMENT PRIMARY KEY, jobid varchar(64) NOT NULL, leaseepoch integer NOT NULL,
    statusid integer NOT NULL, startedat datetime(6), completedat datetime(6), duration bigint,
    executedby varchar(255), UNIQUE KEY (jobid, leaseepoch)
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin`,
]

/** A claimed job with its primary key: the id on the lean tables, `seq` on the migrated ones. */
interface KeyedJob extends BareJob {
  readonly key: string
}

/** Opens the bare loop on MariaDB: READ COMMITTED, the claim forced on its index. */
export async function openBareLoop(
  url: string,
  tables: BareTables,
  makeId: () => string,
): Promise<BareLoop> {
  const connect = async (): Promise<Connection> => {
    const connection = await mysql.createConnection({ uri: url, timezone: 'Z' })
    await connection.query(`SET SESSION tx_isolation = 'READ-COMMITTED', time_zone = '+00:00',
      collation_connection = utf8mb4_nopad_bin`)
    return connection
  }
  const main = await connect()
  const lean = tables === 'lean'
  const jobs = lean ? 'bare_jobs' : 'queue_jobs'
  const histories = lean ? 'bare_histories' : 'job_histories'
  const ready = lean
    ? `bare_jobs FORCE INDEX (bare_ready) WHERE queue = 'default' AND statusid = 0 ORDER BY claimrank, id`
    : `queue_jobs FORCE INDEX (queue_jobs_ready) WHERE queue = 'default' AND statusid = 0 AND active
       ORDER BY claimrank, seq`
  if (lean) for (const table of LEAN_TABLES) await main.query(table)

  const primary = lean ? 'id' : 'seq'

  const claim = async (): Promise<readonly KeyedJob[]> => {
    await main.query('START TRANSACTION')
    const [rows] = await main.query<(RowDataPacket & { key: string | number } & BareJob)[]>(
      `SELECT ${primary} AS \`key\`, id, leaseepoch, handler, payload FROM ${ready} LIMIT 500
       FOR UPDATE SKIP LOCKED`,
    )
    if (rows.length > 0) {
      await main.query(
        `UPDATE ${jobs} SET statusid = 2, leaseepoch = leaseepoch + 1, lockedby = 'bare',
           leaseexpiresat = UTC_TIMESTAMP(6) + INTERVAL 30 SECOND WHERE ${primary} IN (?)`,
        [rows.map(({ key }) => key)],
      )
    }
    await main.query('COMMIT')
    return rows.map(({ key, id, leaseepoch }) => ({
      key: typeof key === 'number' ? String(key) : `'${key}'`,
      id,
      leaseepoch: leaseepoch + 1,
    }))
  }

  /** Pairs of one alone walk the whole table: the server takes a range from two on. */
  const guard = (ended: readonly KeyedJob[]): string => {
    const [only] = ended
    if (ended.length === 1 && only !== undefined) {
      return `${primary} = ${only.key} AND leaseepoch = ${only.leaseepoch}`
    }
    const pairs = ended.map(({ key, leaseepoch }) => `(${key},${leaseepoch})`)
    return `(${primary}, leaseepoch) IN (${pairs.join(',')})`
  }

  /** In the transaction of the connection. Text, since escaping 500 times four values costs as much. */
  const complete = async (connection: Connection, ended: readonly KeyedJob[]): Promise<void> => {
    const [updated] = await connection.query<ResultSetHeader>(
      `UPDATE ${jobs} SET statusid = 3, leaseepoch = leaseepoch + 1, lockedby = NULL, leaseexpiresat = NULL,
         startedat = UTC_TIMESTAMP(6), completedat = UTC_TIMESTAMP(6)
       WHERE ${guard(ended)}`,
    )
    if (updated.affectedRows !== ended.length) {
      throw new Error(`${updated.affectedRows} of ${ended.length} jobs were still the loop's`)
    }
    const rows = ended.map(
      ({ id, leaseepoch }) =>
        `('${id}',${leaseepoch},3,UTC_TIMESTAMP(6),UTC_TIMESTAMP(6),0,'bare')`,
    )
    await connection.query(
      `INSERT INTO ${histories} (jobid, leaseepoch, statusid, startedat, completedat, duration, executedby)
       VALUES ${rows.join(',')}`,
    )
  }

  return {
    name: bareLoopName(tables),
    add: async (count) => {
      for (let from = 0; from < count; from += 1_000) {
        const rows = Array.from(
          { length: Math.min(1_000, count - from) },
          () => `('${makeId()}','bench','{"n":1}')`,
        )
        await main.query(`INSERT INTO ${jobs} (id, handler, payload) VALUES ${rows.join(',')}`)
      }
    },
    drain: async () => {
      let done = 0
      for (;;) {
        const claimed = await claim()
        if (claimed.length === 0) return done
        await main.query('START TRANSACTION')
        await complete(main, claimed)
        await main.query('COMMIT')
        done += claimed.length
      }
    },
    drainInTransactions: async () => {
      const connections = new Map<number, Promise<Connection>>()
      const done = await drainOneByOne(claim, async (job, worker) => {
        const connecting = connections.get(worker) ?? connect()
        connections.set(worker, connecting)
        const connection = await connecting
        await connection.query('START TRANSACTION')
        await connection.query('INSERT INTO bench_effects (jobid) VALUES (?)', [job.id])
        await complete(connection, [job])
        await connection.query('COMMIT')
      })
      for (const connection of connections.values()) await (await connection).end()
      return done
    },
    close: () => main.end(),
  }
}
