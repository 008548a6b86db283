import { realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorMessage } from '../domain/errors.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import { isHandler } from './define-handler.ts'
import { findHandlerFiles, type HandlerFile } from './handler-files.ts'
import { loadError, loadProblem, type LoadProblem } from './load-problem.ts'
import { createRegistry } from './registry.ts'
import { coverFile, coverFolder, isCovered } from './resolve-hook.ts'

/** Where handlers are, and whom to tell. */
export interface LoadRequest {
  /** Each with the folders in it; relative ones start at the working directory. */
  readonly folders: readonly string[]
  readonly log: Log
}

/**
 * Loads every handler file of the folders ({@link findHandlerFiles} says which files those are). A file
 * exports one handler or several: as default, by name, or in arrays. Loaded once a process: a file
 * that changed since is not read again.
 * @throws CrossdockError naming every file that is wrong, not the first alone: `handler_duplicate` (two
 *   handlers of one name), `handler_invalid` (a wrong definition, or a file that exports no handler),
 *   `not_available`, and `handler_load_failed` (a missing folder, an error in a file, or problems of
 *   several kinds).
 */
export async function loadHandlers({ folders, log }: LoadRequest): Promise<HandlerRegistry> {
  const problems: LoadProblem[] = []
  const owners = new Map<string, { readonly handler: Handler; readonly file: string }>()
  for (const file of await findFiles(folders, problems, log)) {
    for (const handler of await loadFile(file, problems)) {
      const earlier = owners.get(handler.name)
      if (earlier === undefined) owners.set(handler.name, { handler, file: file.path })
      else if (earlier.handler !== handler)
        problems.push(duplicate(handler, earlier.file, file.path))
    }
  }
  if (problems.length > 0) throw loadError(problems)
  log.debug({ handlers: [...owners.keys()] }, 'handlers loaded')
  return createRegistry([...owners.values()].map(({ handler }) => handler))
}

async function findFiles(
  folders: readonly string[],
  problems: LoadProblem[],
  log: Log,
): Promise<readonly HandlerFile[]> {
  const files = new Map<string, HandlerFile>()
  for (const folder of folders.map((given) => resolve(given))) {
    const entry = await stat(folder).catch(() => undefined)
    if (entry?.isDirectory() !== true) {
      const message =
        entry === undefined ? 'This handler folder does not exist.' : 'This is no folder.'
      problems.push({ code: 'handler_load_failed', file: folder, message })
      continue
    }
    try {
      coverFolder(await realpath(folder))
      const found = await findHandlerFiles(folder)
      if (found.length === 0) log.warn({ folder }, 'this handler folder has no handler files')
      // Folders may overlap.
      for (const file of found) if (!files.has(file.realPath)) files.set(file.realPath, file)
    } catch (error) {
      const message = `This handler folder cannot be read: ${errorMessage(error)}`
      problems.push({ code: 'handler_load_failed', file: folder, message, cause: error })
    }
  }
  return [...files.values()]
}

async function loadFile(file: HandlerFile, problems: LoadProblem[]): Promise<readonly Handler[]> {
  const { href } = pathToFileURL(file.realPath)
  coverFile(href)
  try {
    const exports: unknown = await import(href)
    const handlers = exportedHandlers(exports)
    if (handlers.length === 0) {
      problems.push({
        code: 'handler_invalid',
        file: file.path,
        message:
          'This file exports no handler: write `export default defineHandler({ … })`, or begin its name with `_` if it is not meant to.',
      })
    }
    return handlers
  } catch (error) {
    problems.push(await loadProblem(file, error, (path) => isCovered(pathToFileURL(path).href)))
    return []
  }
}

function exportedHandlers(exports: unknown): readonly Handler[] {
  if (typeof exports !== 'object' || exports === null) return []
  const handlers = Object.values(exports).flat().filter(isHandler)
  return [...new Set(handlers)]
}

function duplicate(handler: Handler, first: string, second: string): LoadProblem {
  const name = JSON.stringify(handler.name)
  const message =
    first === second
      ? `Two handlers of this file are named ${name}: rename one of them.`
      : `Handler ${name} is also defined in ${first}: rename one of them.`
  return { code: 'handler_duplicate', file: second, message }
}
