import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { serviceCache } from '../services/cache.ts'
import { ServiceUnavailable } from '../services/require.ts'

const run = promisify(execFile)

/** Runs a file of SQL as a person would, and stops at its first error. */
export type Psql = (url: string, file: string) => Promise<void>

/**
 * The machine's psql, or that of the unpacked packages.
 * @throws ServiceUnavailable where there is neither
 */
export async function findPsql(): Promise<Psql> {
  const pattern = path.join(await serviceCache(), 'postgresql/root/usr/lib/postgresql/*/bin/psql')
  const candidates = ['psql']
  for await (const unpacked of glob(pattern)) candidates.push(unpacked)
  for (const program of candidates) {
    const runs = await run(program, ['--version']).then(
      () => true,
      () => false,
    )
    if (!runs) continue
    return async (url, file) => {
      await run(program, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file, url])
    }
  }
  throw new ServiceUnavailable('there is no psql on this machine')
}
