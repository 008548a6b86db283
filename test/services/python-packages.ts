import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { withFolderLock } from '../../src/embedded-postgres/folder-lock.ts'
import { serviceCache } from './cache.ts'
import { ServiceUnavailable } from './require.ts'

const run = promisify(execFile)

/** What a program of Python is run with. */
export interface PythonPackages {
  /** The interpreter. */
  readonly python: string
  /** `PYTHONPATH` for the program. */
  readonly folder: string
}

/**
 * Installs packages of Python into the cache, once for each list of them, without root and without touching the
 * machine. Two processes may ask at once.
 * @param requirements the file that lists them, each with its version
 * @throws ServiceUnavailable without Python 3.11 or its pip, or without the network
 */
export async function installPythonPackages(
  name: string,
  requirements: string,
): Promise<PythonPackages> {
  const python = await findPython()
  const cache = await serviceCache()
  const hash = createHash('sha256')
    .update(python.version)
    .update(await readFile(requirements))
  const folder = path.join(cache, `${name}-${hash.digest('hex').slice(0, 12)}`)
  const found = { python: python.file, folder }
  if (existsSync(folder)) return found
  return await withFolderLock(path.join(cache, `${name}.lock`), async () => {
    if (existsSync(folder)) return found
    const half = await mkdtemp(path.join(cache, `half-${name}-`))
    try {
      const options = ['--quiet', '--no-deps', '--only-binary', ':all:', '--no-input']
      const target = ['--target', half, '--requirement', requirements]
      await run(python.file, ['-m', 'pip', 'install', ...options, ...target])
      // mkdtemp made it 0700, and the program may run as another user.
      await run('chmod', ['-R', 'a+rX', half])
      await rename(half, folder)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      throw new ServiceUnavailable(`its packages of Python cannot be had: ${said.slice(-500)}`)
    } finally {
      await rm(half, { recursive: true, force: true })
    }
    return found
  })
}

async function findPython(): Promise<{ readonly file: string; readonly version: string }> {
  const question = 'import sys; print(sys.executable, sys.version_info >= (3, 11), sys.version)'
  const answer = await run('python3', ['-c', question]).catch(() => undefined)
  const [file, isNew, version] = answer?.stdout.trim().split(' ') ?? []
  if (file === undefined || version === undefined) {
    throw new ServiceUnavailable('there is no python3 here')
  }
  if (isNew !== 'True') throw new ServiceUnavailable(`Python ${version} is older than 3.11`)
  return { file, version }
}
