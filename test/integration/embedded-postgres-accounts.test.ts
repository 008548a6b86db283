import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  unlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbeddedChild, type EmbeddedChild } from '../services/embedded-child.ts'

const REPOSITORY = path.resolve(import.meta.dirname, '../..')
const NOBODY = 65_534
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--init-groups']
const isRoot = process.getuid?.() === 0
if (!isRoot || process.platform !== 'linux') {
  process.stderr.write('\n!!! SKIPPED: tests of accounts need root on Linux\n\n')
}

let base: string
const children: EmbeddedChild[] = []

beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'crossdock-accounts-'))
  await chmod(base, 0o755)
})

afterEach(async () => {
  for (const child of children.splice(0)) await child.stop()
  await rm(base, { recursive: true, force: true, maxRetries: 10 })
})

async function use(...options: Parameters<typeof startEmbeddedChild>): Promise<EmbeddedChild> {
  const child = await startEmbeddedChild(...options)
  children.push(child)
  return child
}

/** A copy of the launcher with binaries of its own, as a project in that folder would have them. */
async function copyLauncher(project: string): Promise<string> {
  await mkdir(path.join(project, 'src/domain'), { recursive: true })
  await cp(
    path.join(REPOSITORY, 'src/embedded-postgres'),
    path.join(project, 'src/embedded-postgres'),
    { recursive: true },
  )
  await cp(
    path.join(REPOSITORY, 'src/domain/errors.ts'),
    path.join(project, 'src/domain/errors.ts'),
  )
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const resolved = createRequire(path.join(REPOSITORY, 'package.json')).resolve(name)
  const from = path.dirname(path.dirname(resolved))
  const to = path.join(project, 'node_modules', name)
  await cp(from, to, { recursive: true, verbatimSymlinks: true })
  // As npm leaves it when install scripts are blocked.
  const libraries = path.join(to, 'native/lib')
  for (const entry of await readdir(libraries, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await unlink(path.join(libraries, entry.name))
  }
  return path.join(project, 'src/embedded-postgres/start.ts')
}

/** An environment in which the program `unshare` is not found, as if the system forbade it. */
async function withoutUnshare(): Promise<NodeJS.ProcessEnv> {
  const programs = path.join(base, 'programs')
  await mkdir(programs)
  await symlink('/bin/sh', path.join(programs, 'sh'))
  return { PATH: programs }
}

async function clusterOwner(dataDir: string): Promise<number> {
  return (await stat(path.join(dataDir, 'postgresql'))).uid
}

describe.skipIf(!isRoot || process.platform !== 'linux')('the embedded PostgreSQL', () => {
  it('runs as nobody when started by root', async () => {
    const dataDir = path.join(base, 'data')
    const child = await use({ dataDir })
    expect(await clusterOwner(dataDir)).toBe(NOBODY)
    expect((await stat(`/proc/${child.pid}`)).uid).toBe(NOBODY)
  })

  it('runs for an ordinary user without a home', async () => {
    await chown(base, NOBODY, NOBODY)
    const dataDir = path.join(base, 'data')
    await use({ dataDir, prefix: AS_NOBODY, env: { PATH: process.env['PATH'] } })
    expect(await clusterOwner(dataDir)).toBe(NOBODY)
  })

  it('mends the links to libraries that a blocked install script left out', async () => {
    const launcher = await copyLauncher(path.join(base, 'project'))
    const dataDir = path.join(base, 'data')
    await use({ dataDir, launcher })
    expect(await readdir(dataDir)).not.toContain('programs-18.4.0-beta.17')
  })

  it('copies the programs once where links are missing and cannot be made', async () => {
    const launcher = await copyLauncher(path.join(base, 'project'))
    const dataDir = path.join(base, 'data')
    await mkdir(dataDir)
    await chown(dataDir, NOBODY, NOBODY)
    const options = { dataDir, launcher, prefix: AS_NOBODY }
    await (await startEmbeddedChild(options)).stop()
    const copy = path.join(dataDir, 'programs-18.4.0-beta.17')
    const { ino } = await stat(copy)
    await use(options)
    expect((await stat(copy)).ino).toBe(ino)
  })

  it('runs from below a closed folder of root, such as its home', async () => {
    const closed = path.join(base, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const launcher = await copyLauncher(path.join(closed, 'project'))
    await use({ dataDir: path.join(base, 'data'), launcher })
  })

  it('copies the programs where user namespaces are not to be had either', async () => {
    const closed = path.join(base, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const launcher = await copyLauncher(path.join(closed, 'project'))
    const dataDir = path.join(base, 'data')
    await use({ dataDir, launcher, env: await withoutUnshare() })
    expect(await readdir(dataDir)).toContain('programs-18.4.0-beta.17')
    expect(await clusterOwner(dataDir)).toBe(NOBODY)
  })

  it('says which folder is closed where its data cannot be reached at all', async () => {
    const closed = path.join(base, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const dataDir = path.join(closed, 'data')
    await expect(startEmbeddedChild({ dataDir, env: await withoutUnshare() })).rejects.toThrow(
      `chmod o+x ${closed}`,
    )
  })

  it('keeps its data below a closed folder of root, where the system allows it', async () => {
    const closed = path.join(base, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const dataDir = path.join(closed, 'data')
    const outcome = await use({ dataDir }).then(
      () => 'runs',
      (error: unknown) => String(error),
    )
    // Without user namespaces (most containers) the answer must say what to open.
    if (outcome === 'runs') expect(await clusterOwner(dataDir)).toBe(0)
    else expect(outcome).toContain(`chmod o+x ${closed}`)
  })

  it('tells an ordinary user that the folder is not theirs', async () => {
    const dataDir = path.join(base, 'data')
    await (await startEmbeddedChild({ dataDir })).stop()
    await expect(startEmbeddedChild({ dataDir, prefix: AS_NOBODY })).rejects.toThrow('chown -R')
  })
})
