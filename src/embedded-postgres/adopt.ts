import { startFailed, type DataFolder } from './data-folder.ts'
import { SOCKET_PORT, type ReadyServer } from './launch.ts'
import { findPostmaster, type RunningPostmaster } from './postmaster-file.ts'
import { waitUntilReady } from './readiness.ts'
import { adoptServer, stopServer, type ServerProcess } from './server-process.ts'
import { existingTcpAccess } from './tcp-access.ts'
import { liveUsers } from './users.ts'

// It ran before us: if it has a socket to answer on, it answers at once, or says that it recovers.
const ANSWER_LIMIT_MS = 10_000

/**
 * Takes over the server that already runs on the folder: one whose starter was killed, or one that
 * another process of ours uses as well. A server that cannot be used is ended, so that the caller
 * may start one, unless another process uses it. To be called under the folder's lock.
 * @returns `undefined` when none runs (any more).
 * @throws CrossdockError `embedded_start_failed`
 */
export async function adoptRunning(
  folder: DataFolder,
  tcpPort: number | undefined,
): Promise<ReadyServer | undefined> {
  const found = await findPostmaster(folder.cluster)
  if (found === undefined) return undefined
  const server = adoptServer(found.pid, found.token)
  if (!suits(found, tcpPort)) {
    await endUnused(folder, server, `it does not listen on port ${tcpPort ?? SOCKET_PORT}`)
    return undefined
  }
  const ready = await waitUntilReady({
    // Read again each time: a server whose starter was killed early is still writing it.
    address: () => findPostmaster(folder.cluster),
    isRunning: () => server.isRunning(),
    limitMs: ANSWER_LIMIT_MS,
  })
  if (ready.kind === 'ended') return undefined
  if (ready.kind === 'timeout') {
    await endUnused(folder, server, `it does not answer on its socket (${ready.lastAnswer})`)
    return undefined
  }
  const now = (await findPostmaster(folder.cluster)) ?? found
  const tcp = now.listensOnTcp ? await existingTcpAccess(folder, now.port) : undefined
  return {
    process: server,
    socketFolder: now.socketFolder,
    port: now.port,
    version: ready.version,
    ...(tcp !== undefined && { tcp }),
  }
}

function suits(found: RunningPostmaster, tcpPort: number | undefined): boolean {
  return tcpPort === undefined || (found.listensOnTcp && found.port === tcpPort)
}

async function endUnused(folder: DataFolder, server: ServerProcess, why: string): Promise<void> {
  const [user] = await liveUsers(folder.users)
  if (user !== undefined) {
    throw startFailed(
      folder,
      `a server runs there (pid ${server.pid}), but ${why}, and process ${user} uses it. ` +
        'Stop that process first.',
    )
  }
  if (await stopServer(server)) return
  throw startFailed(
    folder,
    `a server runs there (pid ${server.pid}), but ${why}, and it cannot be stopped. End it: kill -QUIT ${server.pid}`,
  )
}
