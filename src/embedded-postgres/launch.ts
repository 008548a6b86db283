import { setTimeout as delay } from 'node:timers/promises'
import { locateBinaries } from './binaries.ts'
import { prepareCluster } from './cluster.ts'
import { removeHalfDone, startFailed, type DataFolder } from './data-folder.ts'
import { disarmStalePostmasterFile } from './postmaster-file.ts'
import { preparePrograms, type Programs } from './programs.ts'
import { START_LIMIT_MS, waitUntilReady } from './readiness.ts'
import { openServerLog, type ServerLog } from './server-log.ts'
import { spawnServer, stopServer, type ServerProcess } from './server-process.ts'
import { serverArguments } from './server-settings.ts'
import { openSocketFolder, removeSocketFolder } from './socket-folder.ts'
import { openTcpAccess, type TcpAccess } from './tcp-access.ts'

/** A server that is ready, and how to reach it. */
export interface ReadyServer {
  readonly process: ServerProcess
  readonly socketFolder: string
  readonly port: number
  readonly tcp?: TcpAccess
  /** Such as `18.4`. */
  readonly version: string
}

/** Names the socket's file when no port is asked for; nothing listens on it. */
export const SOCKET_PORT = 5432

// Backends of a killed postmaster notice within moments; the shared memory is theirs until then.
const STILL_IN_USE = /shared memory block .* is still in use/
const STILL_IN_USE_LIMIT_MS = 15_000
const RETRY_MS = 200

/**
 * Starts a server on the folder, making the cluster first when there is none. To be called under
 * the folder's lock, when no server runs there.
 * @throws CrossdockError `embedded_unavailable`, `embedded_start_failed`
 */
export async function launchServer(
  folder: DataFolder,
  tcpPort: number | undefined,
): Promise<ReadyServer> {
  await removeHalfDone(folder)
  const programs = await preparePrograms(locateBinaries(), folder)
  await prepareCluster(folder, programs)
  await disarmStalePostmasterFile(folder.cluster)
  const port = tcpPort ?? SOCKET_PORT
  const socketFolder = await openSocketFolder(folder, programs.account.owner, port)
  const listen = { socketFolder, port, tcp: tcpPort !== undefined }
  const command = [programs.postgres, ...serverArguments(folder.cluster, listen)]
  const server = await startReady(folder, programs, command, listen).catch(
    async (error: unknown) => {
      await removeSocketFolder(socketFolder)
      throw error
    },
  )
  const ready = { process: server, socketFolder, port, version: programs.version }
  if (tcpPort === undefined) return ready
  try {
    return { ...ready, tcp: await openTcpAccess(folder, listen) }
  } catch (error) {
    await stopServer(server)
    throw error
  }
}

async function startReady(
  folder: DataFolder,
  programs: Programs,
  command: readonly string[],
  socket: { readonly socketFolder: string; readonly port: number },
): Promise<ServerProcess> {
  const deadline = Date.now() + STILL_IN_USE_LIMIT_MS
  for (;;) {
    const log = await openServerLog(folder.log)
    try {
      const server = spawnServer(programs.account, command, log.descriptor)
      const ready = await waitUntilReady({
        address: () => Promise.resolve(socket),
        isRunning: () => server.isRunning(),
        limitMs: START_LIMIT_MS,
      })
      if (ready.kind === 'ready') return server
      const stillInUse = ready.kind === 'ended' && STILL_IN_USE.test(await log.tail())
      if (!stillInUse || Date.now() > deadline) {
        throw await describeFailure(folder, log, server, ready)
      }
    } finally {
      log.close()
    }
    await delay(RETRY_MS)
  }
}

async function describeFailure(
  folder: DataFolder,
  log: ServerLog,
  server: ServerProcess,
  ready: { readonly kind: 'ended' } | { readonly kind: 'timeout'; readonly lastAnswer: string },
): Promise<Error> {
  const tail = await log.tail()
  const saidLast =
    tail === '' ? `It wrote nothing to ${folder.log}` : `The end of ${folder.log}:\n${tail}`
  if (ready.kind === 'timeout') {
    await stopServer(server)
    const message = `it was not ready in time (${ready.lastAnswer}) and was stopped. `
    return startFailed(folder, `${message}${saidLast}`)
  }
  const exit = await server.exited
  const how = exit.message ?? exit.signal ?? `exit code ${exit.code ?? 'unknown'}`
  const inUse = /Address already in use/.test(tail)
  const advice = inUse
    ? 'The port is taken: choose another one.'
    : 'Mend what it says, then start again.'
  return startFailed(folder, `the server ended (${how}). ${advice} ${saidLast}`)
}
