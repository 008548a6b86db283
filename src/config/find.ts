import { stat } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError } from '../domain/errors.ts'

/** Where a configuration is looked for when nobody names one, relative to the working directory. */
const DEFAULT_FILES = ['configuration.json', 'config/configuration.json'] as const

/** What names a configuration, in this order: `path`, CROSSDOCK_CONFIG, {@link DEFAULT_FILES}. */
export interface FindOptions {
  readonly path?: string | undefined
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The absolute path of the configuration to use.
 * @throws CrossdockError `config_not_found`
 */
export async function findConfiguration({ path: named, cwd, env }: FindOptions): Promise<string> {
  const fromVariable = env['CROSSDOCK_CONFIG'] || undefined
  const stated = named ?? fromVariable
  if (stated !== undefined) {
    const file = path.resolve(cwd, stated)
    if (await isFile(file)) return file
    const source = named === undefined ? 'CROSSDOCK_CONFIG names' : '--config names'
    throw notFound(`${source} ${file}, where there is no file.`, [file])
  }
  const candidates = DEFAULT_FILES.map((file) => path.resolve(cwd, file))
  for (const file of candidates) if (await isFile(file)) return file
  throw notFound(
    `No configuration: neither ${candidates.join(' nor ')} exists. Name one with --config FILE or CROSSDOCK_CONFIG.`,
    candidates,
  )
}

async function isFile(file: string): Promise<boolean> {
  try {
    // Not isFile: a pipe from the shell is as good.
    return !(await stat(file)).isDirectory()
  } catch {
    return false
  }
}

function notFound(message: string, lookedFor: readonly string[]): CrossdockError {
  return new CrossdockError('config_not_found', message, { details: { lookedFor } })
}
