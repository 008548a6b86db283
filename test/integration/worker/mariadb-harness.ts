import { v7 } from 'uuid'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import type { WorkerSettings } from '../../../src/worker/settings.ts'
import { openStore, type StoreAddress } from '../../../src/app/open-store.ts'
import type { Handler } from '../../../src/ports/handler.ts'
import { mysqlTarget } from '../../conformance/store/mysql-target.ts'
import type { TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedMariadb } from '../../services/shared-servers.ts'
import { until, type NewRow, type Row, type WorkerHarness } from './harness.ts'
import { startInstance } from './instance.ts'
import { recordingLog } from './recording-log.ts'

/** As the harness on PostgreSQL, as far as these tests need it. Values stand for `?`. */
export interface MariadbHarness extends Pick<
  WorkerHarness,
  'start' | 'insert' | 'query' | 'job' | 'history' | 'untilStatus'
> {
  readonly database: TargetDatabase
}

/** Sets the file's hooks. Nobody tells of an INSERT here: workers look every tenth of a second. */
export function useMariadbWorkers(): MariadbHarness {
  let server: TargetServer | undefined
  let database: TargetDatabase | undefined
  let cleanUps: (() => Promise<unknown>)[] = []
  let instances = 0

  beforeAll(async () => {
    const target = mysqlTarget('mariadb', sharedMariadb)
    server = await startOrSkip('mariadb', () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
  })

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
    cleanUps = []
    await database?.drop()
    database = undefined
  })

  async function query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return await database!.sql(text, values)
  }

  async function job(id: string): Promise<Row> {
    const [row] = await query('SELECT * FROM queue_jobs WHERE id = ?', [id])
    return row!
  }

  return {
    get database() {
      return database!
    },
    query,
    job,
    start: async (handlers: readonly Handler[], settings: Partial<WorkerSettings> = {}) => {
      const leaseMs = settings.leaseMs ?? 3_000
      const address: StoreAddress = {
        dialect: 'mysql',
        connection: { uri: database!.url },
        schema: undefined,
        idleInTransactionMs: Math.floor(leaseMs / 2),
      }
      const store = await openStore(address, 20, recordingLog())
      instances += 1
      const instance = await startInstance(store, address, handlers, {
        owner: `instance-${instances}`,
        pollIntervalMs: 100,
        ...settings,
        leaseMs,
      })
      cleanUps.push(() => instance.stop(0))
      return instance
    },
    insert: async ({ payload, ...row }: NewRow) => {
      const id = v7()
      const columns: Row = {
        id,
        ...row,
        ...(payload !== undefined && { payload: JSON.stringify(payload) }),
      }
      await query(
        `INSERT INTO queue_jobs (${Object.keys(columns).join(', ')})
         VALUES (${Object.keys(columns)
           .map(() => '?')
           .join(', ')})`,
        Object.values(columns),
      )
      return id
    },
    history: (id) => query('SELECT * FROM job_histories WHERE jobid = ? ORDER BY leaseepoch', [id]),
    untilStatus: async (id, statusid) => {
      let seen: Row = {}
      return await until(async () => {
        seen = await job(id)
        return seen['statusid'] === statusid && seen
      }, `job ${id} in status ${statusid}`).catch((error: unknown) => {
        throw new Error(
          `job ${id} is in status ${String(seen['statusid'])}: ${String(seen['lasterror'])}`,
          { cause: error },
        )
      })
    },
  }
}
