import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isCrossdockError } from '../../src/domain/errors.ts'
import { processToken } from '../../src/embedded-postgres/process-identity.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/embedded-postgres/start.ts'
import type { PostgresqlService } from './postgresql-service.ts'
import { guardProcess } from './process.ts'
import { ServiceUnavailable } from './require.ts'

const SILENT = { info: () => undefined, warn: () => undefined }

/**
 * The embedded PostgreSQL in a temporary folder, durable as in production. Unlike in production it
 * ends with this process.
 * @throws ServiceUnavailable when its programs are not installed
 */
export async function startEmbeddedService(): Promise<PostgresqlService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  // Root's server runs as another user, who must be able to enter.
  await chmod(folder, 0o755)
  let guarded = await startGuarded(folder)
  const { connection, version } = guarded.server
  const url = socketUrl(connection)
  let stopped: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await guarded.server.stop()
    guarded.dismiss()
  }
  return {
    url,
    version,
    origin: 'embedded',
    controllable: true,
    get pid() {
      return guarded.server.pid
    },
    stop: () =>
      (stopped ??= end().then(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))),
    restart: async () => {
      await end()
      guarded = await startGuarded(folder)
    },
    kill: async () => {
      process.kill(guarded.server.pid, 'SIGKILL')
      // Not by onExit, which keeps nobody waiting: a process with nothing else to do would end.
      while ((await processToken(guarded.server.pid)) !== undefined) await delay(10)
    },
  }
}

/** The url of a server behind a socket, in the form that `pg` reads. */
function socketUrl(connection: EmbeddedPostgres['connection']): string {
  const { user, host, port, database } = connection
  return `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
}

async function startGuarded(
  folder: string,
): Promise<{ readonly server: EmbeddedPostgres; readonly dismiss: () => void }> {
  try {
    const server = await startEmbeddedPostgres({ dataDir: path.join(folder, 'data'), log: SILENT })
    return {
      server,
      dismiss: guardProcess(server.pid, {
        folders: [folder, server.connection.host],
        stopSignal: 'SIGINT',
      }),
    }
  } catch (error) {
    if (isCrossdockError(error, 'embedded_unavailable')) {
      await rm(folder, { recursive: true, force: true })
      throw new ServiceUnavailable(error.message, { cause: error })
    }
    throw error
  }
}
