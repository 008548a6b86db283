import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { withFolderLock } from '../../src/embedded-postgres/folder-lock.ts'
import { serviceCache } from './cache.ts'
import { ServiceUnavailable } from './require.ts'

const run = promisify(execFile)
const HALF = 'half-'
const MARKER = 'complete'
const COMMAND_LIMIT_MS = 5 * 60_000

/** A library of Maven's repositories. */
export interface MavenArtifact {
  /** `group:artifact:version` */
  readonly coordinates: string
  /** Whether what it depends on comes along. */
  readonly withDependencies: boolean
}

/** A server to take from Maven's repositories. */
export interface MavenService {
  /** Names its folder in the cache; another version is another name. */
  readonly name: string
  readonly artifacts: readonly MavenArtifact[]
  /** Jars that the server does without, by the begin of their names. */
  readonly omit: readonly string[]
}

/**
 * Downloads the jars of a server into the cache, once, and says in which folder they are. Two processes may ask at once; one
 * that is killed leaves nothing behind that the next would take for complete.
 * @throws ServiceUnavailable without Java, without Maven or without the network
 */
export async function fetchJars(service: MavenService): Promise<string> {
  const cache = await serviceCache()
  const folder = path.join(cache, service.name)
  if (isComplete(folder)) return folder
  await withFolderLock(path.join(cache, `${service.name}.lock`), async () => {
    if (isComplete(folder)) return
    await removeHalves(cache, service.name)
    const half = await mkdtemp(path.join(cache, `${HALF}${service.name}-`))
    try {
      await copyJars(half, service)
      await rename(half, folder)
    } finally {
      await rm(half, { recursive: true, force: true })
    }
  })
  return folder
}

function isComplete(folder: string): boolean {
  return existsSync(path.join(folder, MARKER))
}

async function copyJars(folder: string, { artifacts, omit }: MavenService): Promise<void> {
  const project = path.join(folder, 'project')
  await mkdir(project)
  await writeFile(path.join(project, 'pom.xml'), projectFile(artifacts))
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime']
  await maven(project, ['-B', '-q', ...goal, `-DoutputDirectory=${folder}`])
  await rm(project, { recursive: true })
  for (const file of await readdir(folder)) {
    if (omit.some((name) => file.startsWith(name))) await rm(path.join(folder, file))
  }
  await writeFile(path.join(folder, MARKER), '')
  // mkdtemp made it 0700, and the server may run as another user.
  await chmod(folder, 0o755)
}

function projectFile(artifacts: readonly MavenArtifact[]): string {
  const dependencies = artifacts.map(({ coordinates, withDependencies }) => {
    const [group, artifact, version] = coordinates.split(':')
    const alone =
      '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
    return [
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>`,
      `<version>${version}</version>${withDependencies ? '' : alone}</dependency>`,
    ].join('')
  })
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>test</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>',
    `<dependencies>${dependencies.join('')}</dependencies></project>`,
  ].join('\n')
}

async function maven(cwd: string, args: readonly string[]): Promise<void> {
  try {
    await run('mvn', args, { cwd, timeout: COMMAND_LIMIT_MS, maxBuffer: 64 * 1024 * 1024 })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ServiceUnavailable(`Maven could not fetch the jars: ${reason}`, { cause })
  }
}

// What a killed process left; nobody else can be at it while the lock is held.
async function removeHalves(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`${HALF}${name}-`)) continue
    await rm(path.join(cache, entry), { recursive: true, force: true })
  }
}
