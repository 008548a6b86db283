import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { errorMessage } from '../domain/errors.ts'
import { parseText, type Reference } from './interpolate.ts'
import { looksSecret, MASK, maskUrls } from './mask.ts'

/** Where the values of references come from. */
export interface ReferenceSource {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What the paths of `${file:PATH}` are relative to. */
  readonly directory: string
  /** Default: the file system. */
  readonly readFile?: ((file: string) => Promise<string>) | undefined
}

/** A text with its references replaced. */
export interface FilledText {
  /** Left out where a reference has no value. */
  readonly text?: string
  /** The same with secrets masked. */
  readonly masked: string
  /** It is one reference and nothing else: it takes the type that its key needs. */
  readonly whole: boolean
  /** Names of the variables in it. */
  readonly variables: readonly string[]
  readonly problems: readonly string[]
}

/** Replaces the references of one text; `key` is the key that it belongs to. Never throws. */
export async function fillReferences(
  text: string,
  key: string,
  source: ReferenceSource,
): Promise<FilledText> {
  const { pieces, problems: mistakes } = parseText(text)
  const problems = [...mistakes]
  const variables: string[] = []
  let filled = ''
  let masked = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      filled += piece
      masked += piece
      continue
    }
    if (piece.kind === 'variable') variables.push(piece.name)
    const value = await valueOf(piece, source)
    if ('problem' in value) problems.push(value.problem)
    else {
      filled += value.text
      masked += isSecret(piece, key) ? MASK : value.text
    }
  }
  const secretLiteral = looksSecret(key) && masked !== ''
  return {
    ...(problems.length === 0 ? { text: filled } : {}),
    masked: secretLiteral ? MASK : maskUrls(masked),
    whole: pieces.length === 1 && typeof pieces[0] === 'object',
    variables,
    problems,
  }
}

function isSecret(reference: Reference, key: string): boolean {
  return reference.kind === 'file' || looksSecret(reference.name) || looksSecret(key)
}

async function valueOf(
  reference: Reference,
  source: ReferenceSource,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  if (reference.kind === 'file') return readText(reference.path, source)
  const { name, fallback } = reference
  const text = source.env[name]
  // Compose files pass variables on that nobody has set as empty ones: the default stands for both.
  if (text !== undefined && (text !== '' || fallback === undefined)) return { text }
  if (fallback !== undefined) return { text: fallback }
  return {
    problem: `the variable ${name} is not set; set it, or give a default: \${${name}:default}`,
  }
}

async function readText(
  file: string,
  { directory, readFile: read = readUtf8 }: ReferenceSource,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const text = await read(path.resolve(directory, file))
    // Editors and `echo` end a file with a newline, which is no part of a password.
    return { text: text.replace(/\r?\n$/, '') }
  } catch (error) {
    return { problem: `the file ${file} cannot be read: ${errorMessage(error)}` }
  }
}

function readUtf8(file: string): Promise<string> {
  return readFile(file, 'utf8')
}
