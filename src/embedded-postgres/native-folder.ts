import { chmod, cp, mkdtemp, readFile, rename, stat, symlink } from 'node:fs/promises'
import path from 'node:path'
import type { Binaries } from './binaries.ts'
import { HALF_DONE, startFailed, type DataFolder } from './data-folder.ts'

/**
 * Makes the links to the libraries that the package's install script would have made: npm blocks
 * install scripts. Answers whether all are there afterwards; a folder that cannot be written has none.
 */
export async function linkLibraries(nativeFolder: string): Promise<boolean> {
  const packageFolder = path.dirname(nativeFolder)
  const text = await readFile(path.join(nativeFolder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: unknown = JSON.parse(text)
  for (const link of Array.isArray(links) ? (links as readonly unknown[]) : []) {
    if (!isLink(link)) continue
    const target = path.join(packageFolder, link.target)
    if ((await stat(target).catch(() => undefined)) !== undefined) continue
    const source = path.relative(path.dirname(link.target), link.source)
    await symlink(source, target).catch(() => undefined)
    // Not the error of symlink: another process may have made the link in between.
    if ((await stat(target).catch(() => undefined)) === undefined) return false
  }
  return true
}

function isLink(value: unknown): value is { readonly source: string; readonly target: string } {
  if (typeof value !== 'object' || value === null) return false
  if (!('source' in value && 'target' in value)) return false
  return typeof value.source === 'string' && typeof value.target === 'string'
}

/**
 * Copies the programs into the data folder, unless that was done before; answers the copy's `native`.
 * The copy belongs to one data folder: a shared one would need a place that others cannot write,
 * and a service account has no home. Not to be called twice at once.
 */
export async function copyNative(binaries: Binaries, folder: DataFolder): Promise<string> {
  const copy = path.join(folder.root, `programs-${binaries.packageVersion}`)
  const native = path.join(copy, 'native')
  if ((await stat(native).catch(() => undefined)) !== undefined) return native
  const half = await mkdtemp(path.join(folder.root, `programs${HALF_DONE}`))
  await cp(binaries.nativeFolder, path.join(half, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  if (!(await linkLibraries(path.join(half, 'native')))) {
    throw startFailed(folder, 'the file system of the data folder knows no symbolic links.')
  }
  await chmod(half, 0o755)
  await rename(half, copy)
  return native
}
