import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CrossdockError, errorMessage, isCrossdockError, type ErrorCode } from '../domain/errors.ts'

/** Why a handler file, or a folder of them, cannot be used. */
export interface LoadProblem {
  readonly code: ErrorCode
  readonly file: string
  /** Where in the file, when the error says so. */
  readonly line?: number
  readonly message: string
  readonly cause?: unknown
}

/** What more to tell about errors whose own message does not say what to do. `$1`: what was found. */
const HINTS: readonly (readonly [matches: RegExp, hint: string])[] = [
  [
    /ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX/,
    'Node runs TypeScript by removing the types, and this is more than a type: write it as JavaScript (for an enum, an object `as const`; for a parameter property, a field).',
  ],
  [
    /Cannot use import statement outside a module|Unexpected token 'export'/,
    'The nearest package.json makes this file CommonJS: name it .mjs or .ts.',
  ],
  [
    /Cannot find module .*\.js'/,
    'Imports are taken as they are written: a TypeScript file is imported as `.ts`.',
  ],
  [/does not provide an export named '([^']+)'/, 'If it is a type, write `import type { $1 }`.'],
  [/Cannot find package/, 'Install it in the folder of the handlers or in one above it.'],
]

/**
 * What an error says that was thrown while `file` was being loaded.
 * @param isOwn whether a file is one of the user's, so that frames of other code are passed over
 */
export async function loadProblem(
  file: { readonly path: string; readonly realPath: string },
  error: unknown,
  isOwn: (path: string) => boolean,
): Promise<LoadProblem> {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const place =
    findPlace(stack, isOwn) ??
    (error instanceof SyntaxError ? findPlace(await checkSyntax(file.realPath), isOwn) : undefined)
  const text = errorMessage(error)
  const told = `${text} ${error instanceof Error && 'code' in error ? String(error.code) : ''}`
  const hint = (await meantFile(text)) ?? hintFor(told)
  // A file that it imports may be the one that is wrong.
  const placed = place === undefined || place.path === file.realPath ? file.path : place.path
  return {
    code: isCrossdockError(error) ? error.code : 'handler_load_failed',
    file: placed,
    ...(place === undefined ? {} : { line: place.line }),
    message: hint === undefined ? text : `${text.replace(/\.?$/, '.')} ${hint}`,
    cause: error,
  }
}

function hintFor(told: string): string | undefined {
  for (const [matches, hint] of HINTS) {
    const found = matches.exec(told)
    if (found !== null) return hint.replace('$1', () => found[1] ?? '')
  }
  return undefined
}

/** The file beside, when an import left its ending out, or gave that of the compiled file. */
async function meantFile(text: string): Promise<string | undefined> {
  const [, missing, importer] = /^Cannot find module '(.+)' imported from (.+)$/.exec(text) ?? []
  if (missing === undefined || importer === undefined) return undefined
  const bare = missing.replace(/\.m?js$/, '')
  for (const meant of ['.ts', '.mts', '.js', '.mjs'].map((ending) => bare + ending)) {
    const entry = await stat(meant).catch(() => undefined)
    if (entry?.isFile() !== true) continue
    const specifier = relative(dirname(importer), meant).replaceAll('\\', '/')
    return `Did you mean \`${specifier.startsWith('.') ? '' : './'}${specifier}\`? An import says the file's real ending.`
  }
  return undefined
}

/**
 * One error for all problems: with the code they share, or `handler_load_failed`. Its details are
 * `problems`: code, file, line and message of each.
 */
export function loadError(problems: readonly LoadProblem[]): CrossdockError {
  const codes = new Set(problems.map(({ code }) => code))
  const [only] = codes
  const lines = problems.map(
    ({ file, line, message }) =>
      `${file}${line === undefined ? '' : `:${String(line)}`}: ${message}`,
  )
  const [first] = lines
  const cause = problems.find((problem) => problem.cause !== undefined)?.cause
  return new CrossdockError(
    codes.size === 1 && only !== undefined ? only : 'handler_load_failed',
    lines.length === 1 && first !== undefined
      ? `The handlers could not be loaded. ${first}`
      : `The handlers could not be loaded, for ${String(lines.length)} reasons:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      cause,
      details: { problems: problems.map(({ cause: _cause, ...problem }) => problem) },
    },
  )
}

interface Place {
  readonly path: string
  readonly line: number
}

/** The first place in the user's files. A syntax error's stack begins with it, without an `at`. */
function findPlace(stack: string, isOwn: (path: string) => boolean): Place | undefined {
  for (const stackLine of stack.split('\n')) {
    const found = /^(?:\s*at (?:async )?(?:.*\()?)?(.+?):(\d+)(?::\d+)?\)?$/.exec(stackLine)
    const [, where, line] = found ?? []
    if (where === undefined || line === undefined) continue
    const path = where.startsWith('file:') ? pathOf(where) : where
    if (path !== undefined && isAbsolute(path) && isOwn(path)) return { path, line: Number(line) }
  }
  return undefined
}

/**
 * What Node prints about a file's syntax. It knows where a JavaScript module is wrong, but tells only
 * who lets the process end of it; `--check` runs nothing of the file. Empty when that does not work.
 */
async function checkSyntax(path: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', path], { timeout: 5000 }, (_error, _stdout, stderr) => {
      resolve(stderr)
    })
  })
}

function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}
