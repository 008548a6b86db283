import { stat } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError } from '../domain/errors.ts'
import type { Binaries } from './binaries.ts'
import { startFailed, type DataFolder } from './data-folder.ts'
import { copyNative, linkLibraries } from './native-folder.ts'
import { candidateAccounts, runAs, type ServerAccount } from './server-account.ts'

/** PostgreSQL's programs, tried, and the account that can run them. */
export interface Programs {
  readonly initdb: string
  readonly postgres: string
  readonly account: ServerAccount
  /** Such as `18.4`. */
  readonly version: string
}

/**
 * Finds an account that can run the programs and reach the data folder. Where the installed ones
 * will not do (below a closed folder, or links missing in a folder that cannot be written) they
 * are copied into the data folder, once: 60 MB.
 * @throws CrossdockError `embedded_start_failed` or `embedded_unavailable` saying what stood in the way.
 */
export async function preparePrograms(binaries: Binaries, folder: DataFolder): Promise<Programs> {
  const complaints: string[] = []
  const native = (await linkLibraries(binaries.nativeFolder))
    ? binaries.nativeFolder
    : await copyNative(binaries, folder)
  const found = await tryAccounts(native, folder, complaints)
  if (found !== undefined) return found
  if (native === binaries.nativeFolder && process.getuid?.() === 0) {
    const inCopy = await tryAccounts(await copyNative(binaries, folder), folder, complaints)
    if (inCopy !== undefined) return inCopy
  }
  await throwWhenClosed(folder, complaints)
  throw new CrossdockError(
    'embedded_unavailable',
    `The embedded PostgreSQL does not run on this machine: ${complaints.join('; ')}. ` +
      'Its programs need glibc; on other systems set database.type to "postgresql".',
    { details: { nativeFolder: binaries.nativeFolder } },
  )
}

async function tryAccounts(
  native: string,
  folder: DataFolder,
  complaints: string[],
): Promise<Programs | undefined> {
  const [initdb, postgres] = [path.join(native, 'bin/initdb'), path.join(native, 'bin/postgres')]
  for (const account of candidateAccounts()) {
    const script = 'cd -- "$1" && exec "$2" --version'
    const tried = await runAs(account, ['sh', '-c', script, 'sh', folder.root, postgres])
    const version = /\(PostgreSQL\) (\d\S*)/.exec(tried.output)?.[1]
    if (tried.ok && version !== undefined) return { initdb, postgres, account, version }
    complaints.push(tried.output)
  }
  return undefined
}

// The programs can be copied elsewhere, the data cannot.
async function throwWhenClosed(folder: DataFolder, complaints: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  for (let place = folder.root; ; place = path.dirname(place)) {
    const closed = ((await stat(place)).mode & 0o001) === 0
    if (closed) {
      throw startFailed(
        folder,
        `root's server runs as another user, who cannot pass through ${place} (${complaints.join('; ')}). ` +
          `Choose a data folder elsewhere, run as an ordinary user, or open it: chmod o+x ${place}`,
      )
    }
    if (place === path.dirname(place)) return
  }
}
