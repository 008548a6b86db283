import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'

/**
 * Where downloaded servers and the data that they start with are kept: `CROSSDOCK_TEST_CACHE`, or `.cache/services` of the
 * repository. One folder for each release of the system and each kind of processor in it.
 */
export async function serviceCache(): Promise<string> {
  const repository = path.resolve(import.meta.dirname, '../..')
  const base = process.env['CROSSDOCK_TEST_CACHE'] ?? path.join(repository, '.cache/services')
  const folder = path.resolve(base, `${systemRelease()}-${process.arch}`)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  return folder
}

function systemRelease(): string {
  if (!existsSync('/etc/os-release')) return process.platform
  const text = readFileSync('/etc/os-release', 'utf8')
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?([\\w.-]+)"?$`, 'm').exec(text)?.[1]
  return [field('ID'), field('VERSION_CODENAME') ?? field('VERSION_ID')].join('-')
}
