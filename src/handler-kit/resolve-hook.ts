import { readFileSync } from 'node:fs'
import {
  registerHooks,
  stripTypeScriptTypes,
  type LoadHookSync,
  type ResolveHookSync,
} from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What the package exports: `index.ts` in the clone, `index.js` in the built package. */
const INDEX_URL = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href

// Hooks belong to the process, so what they cover does too.
const folders = new Set<string>()
const reached = new Set<string>()
let registered = false

/**
 * Makes Node load the files of this folder as handler files, from now on and for as long as the
 * process lives (a handler may import when it runs). May be called again for the same folder.
 *
 * In such a file, and in files of the user's that it imports:
 * - `crossdock` and `zod` are the copies that this program runs on, wherever the folder lies and
 *   whatever is installed around it: with two copies there would be two classes `PermanentError`;
 * - TypeScript is an ES module, also below `node_modules` and beside a package.json that says
 *   otherwise. Syntax that is more than types is refused, as it is by Node.
 *
 * Packages that handlers import, installed in a `node_modules`, are left alone.
 * @param folder absolute, without symbolic links
 */
export function coverFolder(folder: string): void {
  folders.add(`${pathToFileURL(folder).href.replace(/\/$/, '')}/`)
  if (registered) return
  registerHooks({ resolve, load })
  registered = true
}

/** Covers one file that lies outside the covered folders: the target of a symbolic link in one. */
export function coverFile(url: string): void {
  reached.add(withoutQuery(url))
}

/** Whether the file is a handler file, or one of the user's that was imported from one. */
export function isCovered(url: string): boolean {
  const file = withoutQuery(url)
  if (reached.has(file)) return true
  for (const folder of folders) {
    if (file.startsWith(folder) && !isInstalled(file.slice(folder.length - 1))) return true
  }
  return false
}

const resolve: ResolveHookSync = (specifier, context, nextResolve) => {
  if (context.parentURL === undefined || !isCovered(context.parentURL)) {
    return nextResolve(specifier, context)
  }
  if (specifier === 'crossdock') return { url: INDEX_URL, shortCircuit: true }
  // As this file would import it. `nextResolve` with another `parentURL` is no way: for `require` Node
  // passes over it, and would take zod's second format, which is a second copy.
  if (/^(?:crossdock|zod)(?:\/|$)/.test(specifier)) {
    return { url: import.meta.resolve(specifier), shortCircuit: true }
  }
  const resolved = nextResolve(specifier, context)
  const byPath = /^(?:\.{0,2}\/|file:)/.test(specifier)
  if (byPath || !isInstalled(resolved.url)) reached.add(withoutQuery(resolved.url))
  return resolved
}

const load: LoadHookSync = (url, context, nextLoad) => {
  if (!/\.m?ts$/.test(withoutQuery(url)) || !isCovered(url)) return nextLoad(url, context)
  // Node's own way where it works: `stripTypeScriptTypes` prints a warning that it is experimental.
  if (!isInstalled(url)) {
    return nextLoad(url, { ...context, format: 'module-typescript' })
  }
  const source = readFileSync(new URL(withoutQuery(url)), 'utf8')
  return {
    format: 'module',
    source: stripTypeScriptTypes(source, { mode: 'strip', sourceUrl: url }),
    shortCircuit: true,
  }
}

function isInstalled(path: string): boolean {
  return path.includes('/node_modules/')
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '')
}
