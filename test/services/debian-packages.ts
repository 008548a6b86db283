import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { withFolderLock } from '../../src/embedded-postgres/folder-lock.ts'
import { openPrivateApt, type PrivateApt } from './apt.ts'
import { serviceCache } from './cache.ts'
import { ServiceUnavailable } from './require.ts'

const run = promisify(execFile)
const HALF = 'half-'
const MARKER = 'complete.json'

/** A server to take from the system's packages. */
export interface DebianService {
  /** Names its folder in the cache. */
  readonly name: string
  /** The packages to unpack; what they depend on comes along where the machine lacks it. */
  packages(apt: PrivateApt): Promise<readonly string[]>
  /** Dependencies that the server does without, such as set-up scripts. */
  readonly omit: RegExp
}

/** A server's packages, unpacked. */
export interface UnpackedService {
  /** Stands for `/`: programs are in `usr/bin` below it. */
  readonly root: string
  /** The packages asked for. */
  readonly packages: readonly string[]
  /** `LD_LIBRARY_PATH` for its programs. */
  readonly libraryPath: string
}

/**
 * Downloads and unpacks a server's Debian packages into the cache, once, without root and without
 * touching the machine. Two processes may ask at once; one that is killed leaves nothing behind
 * that the next would take for complete.
 * @throws ServiceUnavailable without apt or without the network
 */
export async function unpackService(service: DebianService): Promise<UnpackedService> {
  const cache = await serviceCache()
  const folder = path.join(cache, service.name)
  return (
    (await readUnpacked(folder)) ??
    withFolderLock(path.join(cache, `${service.name}.lock`), async () => {
      const byOther = await readUnpacked(folder)
      if (byOther !== undefined) return byOther
      await removeHalves(cache, service.name)
      const half = await mkdtemp(path.join(cache, `${HALF}${service.name}-`))
      try {
        await unpackInto(half, service)
        await rename(half, folder)
      } finally {
        await rm(half, { recursive: true, force: true })
      }
      const unpacked = await readUnpacked(folder)
      if (unpacked === undefined)
        throw new ServiceUnavailable(`${folder} is not complete: delete it`)
      return unpacked
    })
  )
}

async function unpackInto(folder: string, service: DebianService): Promise<void> {
  const archives = path.join(folder, 'archives')
  await mkdir(archives, { recursive: true })
  const privateApt = await processApt()
  const packages = await service.packages(privateApt)
  const installed = await installedPackages()
  const missing = (await privateApt.closure(packages)).filter(
    (name) => packages.includes(name) || !(installed.has(name) || service.omit.test(name)),
  )
  await privateApt.download(missing, archives)
  const root = path.join(folder, 'root')
  await mkdir(root, { mode: 0o755 })
  for (const archive of await readdir(archives)) {
    await run('dpkg', ['-x', path.join(archives, archive), root])
  }
  await rm(archives, { recursive: true })
  await writeFile(path.join(folder, MARKER), JSON.stringify({ packages, unpacked: missing }))
  // mkdtemp made it 0700, and the server may run as another user.
  await run('chmod', ['755', folder, root])
}

let apt: Promise<PrivateApt> | undefined

/** The apt of this process, for all its services: to read the index takes longer than to fetch a server. */
function processApt(): Promise<PrivateApt> {
  apt ??= mkdtemp(path.join(tmpdir(), 'crossdock-test-')).then((folder) => {
    process.once('exit', () => {
      rmSync(folder, { recursive: true, force: true })
    })
    return openPrivateApt(folder)
  })
  // The next service tries anew.
  apt.catch(() => {
    apt = undefined
  })
  return apt
}

async function readUnpacked(folder: string): Promise<UnpackedService | undefined> {
  const marker = path.join(folder, MARKER)
  if (!existsSync(marker)) return undefined
  const found: unknown = JSON.parse(await readFile(marker, 'utf8'))
  if (typeof found !== 'object' || found === null || !('packages' in found)) return undefined
  const packages = Array.isArray(found.packages) ? found.packages.map(String) : []
  const root = path.join(folder, 'root')
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  const libraryPath = [`usr/lib/${triplet}`, `lib/${triplet}`, 'usr/lib']
    .map((place) => path.join(root, place))
    .join(':')
  return { root, packages, libraryPath }
}

async function installedPackages(): Promise<ReadonlySet<string>> {
  const format = '${db:Status-Status} ${Package}\n'
  const { stdout } = await run('dpkg-query', ['-W', '-f', format], { maxBuffer: 16 * 1024 * 1024 })
  const names = stdout.split('\n').filter((line) => line.startsWith('installed '))
  return new Set(names.map((line) => line.slice('installed '.length)))
}

// What a killed process left; nobody else can be at it while the lock is held.
async function removeHalves(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`${HALF}${name}-`)) continue
    await rm(path.join(cache, entry), { recursive: true, force: true })
  }
}
