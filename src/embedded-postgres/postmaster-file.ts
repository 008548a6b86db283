import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isPostmasterOf, processToken } from './process-identity.ts'

/** A server that runs on the folder, as its `postmaster.pid` describes it. */
export interface RunningPostmaster {
  readonly pid: number
  readonly token: string
  readonly port: number
  /** Empty for the first moments of a start. */
  readonly socketFolder: string
  /** Whether it listens on 127.0.0.1 too. */
  readonly listensOnTcp: boolean
}

/** The server that runs on this cluster now; a stale `postmaster.pid` is none. */
export async function findPostmaster(cluster: string): Promise<RunningPostmaster | undefined> {
  const lines = await readLines(cluster)
  const pid = Number(lines?.[0])
  if (lines === undefined || !Number.isInteger(pid) || pid <= 1) return undefined
  const token = await processToken(pid)
  if (token === undefined || !(await isPostmasterOf(pid, cluster))) return undefined
  // pid, data directory, start time, port, socket folder, listen address, shared memory, status
  return {
    pid,
    token,
    port: Number(lines[3]) || 5432,
    socketFolder: lines[4] ?? '',
    listensOnTcp: (lines[5] ?? '') !== '',
  }
}

/**
 * Makes a stale `postmaster.pid` harmless. PostgreSQL refuses to start when any process, of any
 * kind, has the pid in it. The file must not be deleted though: its shared memory key is how a
 * start notices backends that outlived their postmaster. PostgreSQL takes the pid of its parent
 * for stale, and its parent will be this process.
 */
export async function disarmStalePostmasterFile(cluster: string): Promise<void> {
  const lines = await readLines(cluster)
  if (lines === undefined) return
  const pid = Number(lines[0])
  if (!(pid > 1) || pid === process.pid || !pidIsTaken(pid)) return
  await writeFile(file(cluster), [String(process.pid), ...lines.slice(1)].join('\n'))
}

// What PostgreSQL asks. An ended process that nobody collected still counts, and where Crossdock
// is process 1 of a container nobody ever collects a server whose starter was killed.
function pidIsTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function readLines(cluster: string): Promise<readonly string[] | undefined> {
  const text = await readFile(file(cluster), 'utf8').catch(() => undefined)
  return text?.split('\n').map((line) => line.trim())
}

function file(cluster: string): string {
  return path.join(cluster, 'postmaster.pid')
}
