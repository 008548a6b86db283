import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { createPostgresqlStore } from '../../../src/store/postgresql/index.ts'
import { startScheduler } from './start-scheduler.ts'

// A scheduler in a process of its own, to be killed: scheduler-program.ts URL CHECK_INTERVAL_MS.
const [url = '', checkIntervalMs = '60000'] = process.argv.slice(2)

const settings = {
  handlerConnections: 1,
  idleInTransactionMs: 15_000,
  onConnectionError: () => undefined,
}
const store = url.startsWith('postgres')
  ? createPostgresqlStore({ ...settings, connection: { connectionString: url }, schema: 'public' })
  : createMysqlStore({ ...settings, connection: { uri: url } })

const { scheduler } = await startScheduler(store, { checkIntervalMs: Number(checkIntervalMs) })
// Tells of each second what it has fired, and lives until it is killed.
setInterval(() => {
  process.stdout.write(`${scheduler.statistics().fired}\n`)
}, 100)
