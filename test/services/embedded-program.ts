/**
 * A process that uses the embedded PostgreSQL, for tests that kill it or run it as someone else:
 * `node embedded-program.ts <launcher> <data folder> [port]`. It prints one line of JSON once the
 * server is ready, and stops it when a line comes in.
 */
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import type * as launcher from '../../src/embedded-postgres/start.ts'

const [, , launcherFile = '', dataDir = '', port] = process.argv
// By path: tests run copies of the launcher that lie below closed folders.
const { startEmbeddedPostgres } = (await import(
  pathToFileURL(launcherFile).href
)) as typeof launcher

const server = await startEmbeddedPostgres({
  dataDir,
  log: { info: () => undefined, warn: console.error },
  ...(port !== undefined && { port: Number(port) }),
})
const { pid, adopted, connection } = server
process.stdout.write(`${JSON.stringify({ pid, adopted, connection })}\n`)
await once(process.stdin, 'data')
await server.stop()
process.exit(0)
