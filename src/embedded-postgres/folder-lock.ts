import { randomUUID } from 'node:crypto'
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CrossdockError } from '../domain/errors.ts'
import { isSameProcess, processToken } from './process-identity.ts'

const POLL_MS = 25
// Longer than the longest start: a server that recovers after a crash is given ten minutes.
const WAIT_LIMIT_MS = 12 * 60_000
// Between making the file and writing into it a holder may be killed.
const EMPTY_LIMIT_MS = 5_000

/**
 * Runs `work` while holding the lock file; others wait, in this process and in any other.
 *
 * A lock whose holder died is taken away from it. That step is not atomic on a plain file system;
 * what it would let through in the worst case (two starts at once) still fails safely, because
 * PostgreSQL guards its folder itself and a rename onto an existing cluster is refused.
 * @throws CrossdockError `embedded_start_failed` when a live holder keeps it for 12 minutes.
 */
export async function withFolderLock<T>(lockPath: string, work: () => Promise<T>): Promise<T> {
  const mine = `${process.pid} ${(await processToken(process.pid)) ?? ''} ${randomUUID()}`
  await acquire(lockPath, mine)
  try {
    return await work()
  } finally {
    if ((await contentOf(lockPath)) === mine) await unlink(lockPath).catch(() => undefined)
  }
}

async function acquire(lockPath: string, mine: string): Promise<void> {
  const deadline = Date.now() + WAIT_LIMIT_MS
  while (!(await create(lockPath, mine))) {
    const held = await contentOf(lockPath)
    if (held !== undefined && !(await isHeld(lockPath, held))) await breakLock(lockPath, held)
    else if (Date.now() > deadline) {
      throw new CrossdockError(
        'embedded_start_failed',
        `Process ${held?.split(' ')[0] ?? 'unknown'} holds ${lockPath} and does not let go. ` +
          'End that process, then start again.',
      )
    } else await delay(POLL_MS)
  }
}

async function create(lockPath: string, mine: string): Promise<boolean> {
  try {
    await writeFile(lockPath, mine, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

async function isHeld(lockPath: string, content: string): Promise<boolean> {
  const [pid, token] = content.split(' ')
  if (pid !== undefined && token !== undefined) return isSameProcess(Number(pid), token)
  const made = await stat(lockPath).catch(() => undefined)
  return made !== undefined && Date.now() - made.mtimeMs < EMPTY_LIMIT_MS
}

// A rename has one winner, where two who both saw the dead holder could each unlink: the second
// would unlink the winner's new lock. Whoever renames the wrong one puts it back.
async function breakLock(lockPath: string, dead: string): Promise<void> {
  const aside = `${lockPath}.${randomUUID()}`
  try {
    await rename(lockPath, aside)
  } catch {
    return
  }
  const moved = await contentOf(aside)
  if (moved !== undefined && moved !== dead) await create(lockPath, moved)
  await unlink(aside).catch(() => undefined)
}

async function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
