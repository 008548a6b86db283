/** One reference inside a text. */
export type Reference =
  | { readonly kind: 'variable'; readonly name: string; readonly fallback: string | undefined }
  | { readonly kind: 'file'; readonly path: string }

/** A text taken apart: plain pieces (escapes undone) and references, in order. */
export type TextPiece = string | Reference

/** A text taken apart, and what is wrong with its references. */
export interface ParsedText {
  readonly pieces: readonly TextPiece[]
  readonly problems: readonly string[]
}

/** `$${` (escaped), or `${` up to its `}`. */
const TOKEN = /\$\$\{|\$\{([^}]*)(\}?)/g
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::([\s\S]*))?$/

/** Finds `${NAME}`, `${NAME:default}` and `${file:PATH}` in a text; `$${` stands for `${`. */
export function parseText(text: string): ParsedText {
  const pieces: TextPiece[] = []
  const problems: string[] = []
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) pieces.push(text.slice(end, match.index))
    end = match.index + match[0].length
    if (match[0] === '$${') {
      pieces.push('${')
      continue
    }
    const reference = parseReference(match[1] ?? '', match[2] === '}')
    if (typeof reference === 'string') problems.push(reference)
    else pieces.push(reference)
  }
  if (end < text.length) pieces.push(text.slice(end))
  return { pieces, problems }
}

/** A reference, or what is wrong with it. */
function parseReference(inner: string, closed: boolean): Reference | string {
  const escape = 'write $${ where no reference is meant'
  if (!closed) return `a reference has no closing }; ${escape}`
  if (inner.includes('${')) return `references cannot stand inside each other; ${escape}`
  if (inner.startsWith('file:')) {
    const path = inner.slice('file:'.length)
    return path === '' ? 'the reference ${file:} names no file' : { kind: 'file', path }
  }
  const [, name, fallback] = VARIABLE.exec(inner) ?? []
  if (name === undefined) {
    return `a reference is written \${NAME}, \${NAME:default} or \${file:PATH}; ${escape}`
  }
  return { kind: 'variable', name, fallback }
}
