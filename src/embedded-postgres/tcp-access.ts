import { randomBytes } from 'node:crypto'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { startFailed, type DataFolder } from './data-folder.ts'
import { askServer, USER } from './server-dialogue.ts'

/** How programs other than Crossdock reach the server: 127.0.0.1, this port, the password in this file. */
export interface TcpAccess {
  readonly port: number
  readonly passwordFile: string
}

/**
 * Gives the server the password of the data folder, which is made once. Each time, not only then:
 * a start that was killed between the two would otherwise leave a file that does not fit.
 * @throws CrossdockError `embedded_start_failed` when the server refuses it.
 */
export async function openTcpAccess(
  folder: DataFolder,
  socket: { readonly socketFolder: string; readonly port: number },
): Promise<TcpAccess> {
  const password = (await readPassword(folder)) ?? (await makePassword(folder))
  const sql = `ALTER ROLE ${USER} PASSWORD '${password}'`
  const answer = await askServer({ ...socket, database: 'postgres', sql })
  if (answer.kind !== 'done') {
    throw startFailed(
      folder,
      `it did not take the password of ${folder.password}: ${answer.message}. Start again without a port.`,
    )
  }
  return { port: socket.port, passwordFile: folder.password }
}

/** The access to a running server that listens on TCP; `undefined` where no password was made. */
export async function existingTcpAccess(
  folder: DataFolder,
  port: number,
): Promise<TcpAccess | undefined> {
  const known = (await stat(folder.password).catch(() => undefined)) !== undefined
  return known ? { port, passwordFile: folder.password } : undefined
}

// What someone else wrote into the file is not put into a statement.
async function readPassword(folder: DataFolder): Promise<string | undefined> {
  const text = (await readFile(folder.password, 'utf8').catch(() => '')).trim()
  return /^[\w-]{20,}$/.test(text) ? text : undefined
}

async function makePassword(folder: DataFolder): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  const half = `${folder.password}.half-${process.pid}`
  await writeFile(half, `${password}\n`, { mode: 0o600 })
  await rename(half, folder.password)
  return password
}
