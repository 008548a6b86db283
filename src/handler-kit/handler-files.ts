import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A handler file. */
export interface HandlerFile {
  /** As people know it: inside the folder that was asked for. */
  readonly path: string
  /** Without symbolic links: what Node loads. */
  readonly realPath: string
}

/**
 * The handler files of a folder and of the folders in it, by name: `.ts`, `.mts`, `.js`, `.mjs`.
 * Left out: names that begin with `.` or `_`, `node_modules`, `*.test.*`, `*.spec.*`, declarations
 * (`*.d.ts`). Symbolic links are followed (a mounted Kubernetes ConfigMap consists of them); each
 * file is listed once, and a link that leads nowhere is passed over.
 * @param folder absolute
 */
export async function findHandlerFiles(folder: string): Promise<readonly HandlerFile[]> {
  const files = new Map<string, HandlerFile>()
  await collect(folder, files, new Set())
  return [...files.values()]
}

async function collect(
  folder: string,
  files: Map<string, HandlerFile>,
  visited: Set<string>,
): Promise<void> {
  const realFolder = await realpath(folder)
  if (visited.has(realFolder)) return
  visited.add(realFolder)
  for (const name of (await readdir(folder)).sort()) {
    if (/^[._]/.test(name) || name === 'node_modules') continue
    const path = join(folder, name)
    const entry = await stat(path).catch(() => undefined)
    if (entry?.isDirectory() === true) await collect(path, files, visited)
    if (entry?.isFile() !== true || !isHandlerFileName(name)) continue
    const realPath = await realpath(path)
    if (!files.has(realPath)) files.set(realPath, { path, realPath })
  }
}

function isHandlerFileName(name: string): boolean {
  return /\.m?[jt]s$/.test(name) && !/\.d\.m?ts$/.test(name) && !/\.(?:test|spec)\./.test(name)
}
