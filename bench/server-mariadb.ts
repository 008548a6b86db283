import mysql from 'mysql2/promise'
import { migrateMysql } from '../src/store/mysql/migrate.ts'
import { startMariadb } from '../test/services/mariadb.ts'
import { openBareLoop } from './bare-loop-mariadb.ts'
import type { BenchServer } from './bench-database.ts'

/** The server at this address, or, without one, the MariaDB of the tests, made to write through to its disk. */
export async function startMariadbBench(given: string | undefined): Promise<BenchServer> {
  const { url, stop } =
    given === undefined
      ? await startMariadb({
          settings: {
            innodb_flush_log_at_trx_commit: '1',
            innodb_flush_method: 'fsync',
            innodb_doublewrite: '1',
            innodb_buffer_pool_size: '512M',
          },
        })
      : { url: given, stop: () => Promise.resolve() }
  let databases = 0
  return {
    name: 'MariaDB',
    fresh: async () => {
      databases += 1
      const own = new URL(url)
      own.pathname = `/bench_${process.pid}_${databases}`
      await migrateMysql({ connection: { uri: own.href }, dryRun: false })
      const connection = await mysql.createConnection({ uri: own.href })
      await connection.query(
        'CREATE TABLE bench_effects (id bigint AUTO_INCREMENT PRIMARY KEY, jobid varchar(64))',
      )
      await connection.end()
      return own.href
    },
    openBareLoop,
    address: (own) => ({
      dialect: 'mysql',
      connection: { uri: own },
      schema: undefined,
      idleInTransactionMs: 15_000,
    }),
    stop,
  }
}
