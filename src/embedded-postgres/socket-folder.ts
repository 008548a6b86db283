import { chown, lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startFailed, type DataFolder } from './data-folder.ts'
import type { FileOwner } from './server-account.ts'

// sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero.
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * A private folder for the server's socket, outside the data folder, whose path may be too long
 * for a socket. Whoever reaches the socket is superuser, hence 0700.
 *
 * Its name is kept in the data folder and used again, so that connection settings stay right over
 * a restart of the server. To be called when no server runs. A folder of that name which is not ours
 * is never used: anyone may create names in a temporary directory. Nor is the name that a copy of a
 * data folder brought along: the original's server may be listening there.
 */
export async function openSocketFolder(
  folder: DataFolder,
  owner: FileOwner | undefined,
  port: number,
): Promise<string> {
  const record = await readFile(folder.socketRecord, 'utf8').catch(() => '')
  const [kept = '', whose] = record.split('\n')
  const mine = await identityOf(folder)
  if (kept !== '' && whose === mine && fits(kept, port) && (await claimKept(kept, owner)))
    return kept
  const made = await mkdtemp(path.join(base(folder, port), 'crossdock-'))
  if (owner !== undefined) await chown(made, owner.uid, owner.gid)
  await writeFile(folder.socketRecord, `${made}\n${mine}`, { mode: 0o600 })
  return made
}

/** Removes the socket's folder after the server has ended; its name stays reserved in the data folder. */
export async function removeSocketFolder(socketFolder: string): Promise<void> {
  if (path.basename(socketFolder).startsWith('crossdock-')) {
    await rm(socketFolder, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Tells a data folder from its copies. */
async function identityOf(folder: DataFolder): Promise<string> {
  const { dev, ino } = await stat(folder.root)
  return `${dev}:${ino}`
}

async function claimKept(kept: string, owner: FileOwner | undefined): Promise<boolean> {
  try {
    await mkdir(kept, { mode: 0o700 })
  } catch {
    const found = await lstat(kept).catch(() => undefined)
    const ours = [process.getuid?.(), owner?.uid]
    if (found === undefined || !found.isDirectory() || !ours.includes(found.uid)) return false
    // Its lock file names the last server, and is in the way where nobody collected that one.
    await rm(kept, { recursive: true })
    await mkdir(kept, { mode: 0o700 })
  }
  if (owner !== undefined) await chown(kept, owner.uid, owner.gid)
  return true
}

function base(folder: DataFolder, port: number): string {
  const found = [tmpdir(), '/tmp'].find((candidate) =>
    fits(path.join(candidate, 'crossdock-XXXXXX'), port),
  )
  if (found !== undefined) return found
  throw startFailed(folder, 'The temporary directory has too long a path for a socket: set TMPDIR.')
}

function fits(socketFolder: string, port: number): boolean {
  return Buffer.byteLength(path.join(socketFolder, `.s.PGSQL.${port}.lock`)) <= MAX_PATH_BYTES
}
