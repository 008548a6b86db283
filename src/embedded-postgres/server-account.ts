import { spawn } from 'node:child_process'
import { chown, lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { serverEnvironment } from './server-settings.ts'

/** Who must own what the server reads and writes. */
export interface FileOwner {
  readonly uid: number
  readonly gid: number
}

/** How PostgreSQL's programs are run: never as root, which they refuse. */
export interface ServerAccount {
  /** Put before the program and its arguments. */
  readonly prefix: readonly string[]
  /** What `spawn` is told; empty to stay who we are. */
  readonly spawnAs: Partial<FileOwner>
  /** Who must own the cluster and the socket's folder; `undefined` leaves them alone. */
  readonly owner?: FileOwner
}

// nobody: the one account without rights that every system has. A uid that is not in the
// account list fails, so none can be made up.
const NOBODY: FileOwner = { uid: 65_534, gid: 65_534 }

const PLAIN: ServerAccount = { prefix: [], spawnAs: {} }
const AS_NOBODY: ServerAccount = { prefix: [], spawnAs: NOBODY, owner: NOBODY }
// Still root to the file system, so that folders below root's home stay within reach, but not in
// the eyes of PostgreSQL. Containers mostly forbid it.
const RENAMED_ROOT: ServerAccount = {
  prefix: ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--'],
  spawnAs: {},
  owner: { uid: 0, gid: 0 },
}

/** The accounts to try on this machine, the best first. */
export function candidateAccounts(): readonly ServerAccount[] {
  if (process.getuid?.() !== 0) return [PLAIN]
  return process.platform === 'linux' ? [AS_NOBODY, RENAMED_ROOT] : [AS_NOBODY]
}

/** What a program that ran to its end said. */
export interface ProgramResult {
  readonly ok: boolean
  readonly output: string
}

/** Runs a program as the account to its end; never rejects. Both its outputs are returned as one. */
export function runAs(account: ServerAccount, command: readonly string[]): Promise<ProgramResult> {
  const [file = '', ...args] = [...account.prefix, ...command]
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(file, args, {
      ...account.spawnAs,
      cwd: '/',
      env: serverEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const gather = (chunk: Buffer): void => {
      output += chunk.toString('utf8')
    }
    child.stdout.on('data', gather)
    child.stderr.on('data', gather)
    child.on('error', (error) => {
      resolve({ ok: false, output: error.message })
    })
    child.on('close', (code) => {
      resolve({ ok: code === 0, output: output.trim() })
    })
  })
}

/** Gives a folder and all in it to `owner`, unless it has it already. */
export async function giveFolder(folder: string, owner: FileOwner | undefined): Promise<void> {
  if (owner === undefined || (await lstat(folder)).uid === owner.uid) return
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    // A tablespace is a link to a folder that is not ours to give.
    if (!entry.isSymbolicLink()) await chown(file, owner.uid, owner.gid)
  }
  // Last, as the sign that the whole of it was done.
  await chown(folder, owner.uid, owner.gid)
}
