import { access, constants, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError } from '../domain/errors.ts'

/** The places inside one data folder; every path is absolute and free of symbolic links. */
export interface DataFolder {
  readonly root: string
  /** What PostgreSQL calls its data directory. */
  readonly cluster: string
  /** What the server writes to stderr. */
  readonly log: string
  /** One file for each process that uses the server. */
  readonly users: string
  /** Held by who starts or stops the server. */
  readonly lock: string
  /** The password for connections over TCP; exists once a port was asked for. */
  readonly password: string
  /** Names the folder of the socket. */
  readonly socketRecord: string
}

/**
 * Makes the data folder when it is absent and names what lies in it.
 * @throws CrossdockError `embedded_start_failed` when it cannot be made or written.
 */
export async function openDataFolder(dataDir: string): Promise<DataFolder> {
  const asRoot = process.getuid?.() === 0
  try {
    // Root's server runs as another user, who must be able to walk through, not to look around.
    await mkdir(dataDir, { recursive: true, mode: asRoot ? 0o711 : 0o700 })
    // The postmaster is recognised by the path on its command line: there must be one spelling.
    const root = await realpath(dataDir)
    const users = path.join(root, 'users')
    await mkdir(users, { recursive: true, mode: 0o700 })
    for (const place of [root, users]) await access(place, constants.W_OK)
    return {
      root,
      cluster: path.join(root, 'postgresql'),
      log: path.join(root, 'postgresql.log'),
      users,
      lock: path.join(root, 'start.lock'),
      password: path.join(root, 'password'),
      socketRecord: path.join(root, 'socket-folder'),
    }
  } catch (cause) {
    throw new CrossdockError(
      'embedded_start_failed',
      `Cannot write to the data folder ${dataDir}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'Run as the user who owns it, or give it to this user with chown -R, or choose another folder.',
      { cause, details: { dataDir } },
    )
  }
}

/** In the name of a folder that is still being filled, and is renamed when it is complete. */
export const HALF_DONE = '.half-'

/** Removes what an `initdb` or a copy left that was killed. Only while no other can be under way. */
export async function removeHalfDone(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.root)) {
    if (!name.includes(HALF_DONE)) continue
    // Retries: an initdb whose parent was killed may still be writing into it.
    const retries = { maxRetries: 20, retryDelay: 100 }
    await rm(path.join(folder.root, name), { recursive: true, force: true, ...retries })
  }
}

/** The error of a start that failed: what happened, to which folder, and what to do about it. */
export function startFailed(folder: DataFolder, message: string, cause?: unknown): CrossdockError {
  return new CrossdockError(
    'embedded_start_failed',
    `The embedded PostgreSQL in ${folder.root} did not start: ${message}`,
    { cause, details: { dataDir: folder.root, log: folder.log } },
  )
}
