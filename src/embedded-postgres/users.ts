import { randomUUID } from 'node:crypto'
import { readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isSameProcess, processToken } from './process-identity.ts'

/** One use of the server by this process, written down for other processes to see. */
export interface UserEntry {
  /** Takes the entry away; may be called twice. */
  remove(): Promise<void>
}

/** Writes down that this process uses the server; a process may do so several times. */
export async function registerUser(usersFolder: string): Promise<UserEntry> {
  const token = (await processToken(process.pid)) ?? ''
  const file = path.join(usersFolder, `${process.pid}-${randomUUID().slice(0, 8)}`)
  await writeFile(file, token, { mode: 0o600 })
  return {
    remove: () => unlink(file).catch(() => undefined),
  }
}

/**
 * The processes that use the server now, each once for each use. Entries of processes that died
 * without saying so are removed on the way.
 */
export async function liveUsers(usersFolder: string): Promise<readonly number[]> {
  const live: number[] = []
  for (const name of await readdir(usersFolder).catch(() => [])) {
    const file = path.join(usersFolder, name)
    const pid = Number.parseInt(name, 10)
    const token = await readFile(file, 'utf8').catch(() => '')
    if (Number.isInteger(pid) && (await isSameProcess(pid, token))) live.push(pid)
    else await unlink(file).catch(() => undefined)
  }
  return live
}
