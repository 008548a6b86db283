import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { ServiceUnavailable } from './require.ts'

const run = promisify(execFile)
const COMMAND_LIMIT_MS = 5 * 60_000

/** apt with folders of its own: it reads the machine's sources and keys, and changes nothing. */
export interface PrivateApt {
  /** Names of packages that begin so. */
  packageNames(prefix: string): Promise<readonly string[]>
  /** The packages and all that they depend on, as on a machine where nothing is installed. */
  closure(packages: readonly string[]): Promise<readonly string[]>
  /** Downloads packages, checked against the signed index, into a folder. */
  download(packages: readonly string[], folder: string): Promise<void>
}

/**
 * Sets up private apt folders below `folder` and reads the package index into them.
 * @throws ServiceUnavailable without apt or without the network
 */
export async function openPrivateApt(folder: string): Promise<PrivateApt> {
  for (const name of ['lists/partial', 'archives/partial']) {
    await mkdir(path.join(folder, name), { recursive: true })
  }
  await writeFile(path.join(folder, 'status'), '')
  const configuration = path.join(folder, 'apt.conf')
  await writeFile(configuration, await privateConfiguration(folder))
  const env = { ...process.env, APT_CONFIG: configuration, LC_ALL: 'C' }
  const apt = async (program: string, args: readonly string[], cwd = folder): Promise<string> => {
    const limits = { timeout: COMMAND_LIMIT_MS, maxBuffer: 64 * 1024 * 1024 }
    try {
      return (await run(program, ['-q', ...args], { cwd, env, ...limits })).stdout
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ServiceUnavailable(`${program} failed: ${reason}`, { cause })
    }
  }
  await apt('apt-get', ['update'])
  return {
    packageNames: async (prefix) => lines(await apt('apt-cache', ['pkgnames', prefix])),
    closure: async (packages) => {
      const plan = await apt('apt-get', ['-s', '--no-install-recommends', 'install', ...packages])
      return lines(plan).flatMap((line) => /^Inst (\S+)/.exec(line)?.[1] ?? [])
    },
    download: async (packages, into) => {
      await apt('apt-get', ['download', ...packages], into)
    },
  }
}

// The machine's settings (proxies, say) without its hooks: Docker's images have one that empties
// /var/cache/apt after each update.
async function privateConfiguration(folder: string): Promise<string> {
  const dump = await run('apt-config', ['dump'], { timeout: COMMAND_LIMIT_MS }).catch(
    (cause: unknown) => {
      throw new ServiceUnavailable('this machine has no apt', { cause })
    },
  )
  const kept = lines(dump.stdout).filter(
    (line) => !/Invoke|^Dir(::State|::Cache|::Etc::parts|::Etc::main)|DEP-11/i.test(line),
  )
  return [
    ...kept,
    `Dir::State "${folder}";`,
    `Dir::State::lists "${folder}/lists";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}";`,
    `Dir::Cache::archives "${folder}/archives";`,
    'Dir::Etc::parts "/nonexistent";',
    'Dir::Etc::main "/nonexistent";',
    // As root apt would drop to a user who cannot write here.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
    '',
  ].join('\n')
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}
