/**
 * A test process that is about to be killed: `node orphan-program.ts postgresql|embedded` starts a
 * server, prints its pid as a line, and waits.
 */
import { startEmbeddedService } from './embedded.ts'
import { startPostgresql } from './postgresql.ts'

const service = await (process.argv[2] === 'embedded' ? startEmbeddedService() : startPostgresql())
process.stdout.write(`${service.pid ?? ''}\n`)
setInterval(() => undefined, 60_000)
