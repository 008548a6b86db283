import type { Json } from '../../../src/domain/json.ts'
import { parseTemplate } from '../../../src/domain/template.ts'

const LITERAL = /^[A-Za-z0-9._~@+,=:;!$&'()*%/-]*$/

/**
 * A piece of a path: what the configuration says, or a template whose value comes from a message. Objects, so
 * that a template that gives nothing or a list leaves the others in their places.
 */
export type PathPiece = { readonly literal: string } | { readonly value: string }

/**
 * A path in pieces. They are rendered each by itself, so that it is known afterwards what came from a message:
 * that is percent-encoded, and what the configuration says is not.
 */
export function pathPieces(path: string): readonly PathPiece[] {
  const parsed = parseTemplate(path)
  if (!parsed.ok) return [{ literal: path }]
  return parsed.parts.map((part) =>
    typeof part === 'string' ? { literal: part } : { value: `{{ ${part.expression} }}` },
  )
}

/** What is wrong with a path; `undefined`: nothing. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return undefined
  if (!path.startsWith('/')) return 'must begin with "/"; the host is that of base_url'
  const parsed = parseTemplate(path)
  if (!parsed.ok) return `is no template: ${parsed.problem}`
  const skeleton = parsed.parts.map((part) => (typeof part === 'string' ? part : 'x')).join('')
  if (skeleton.includes('?')) return 'holds a "?"; put what follows into query'
  if (!LITERAL.test(skeleton)) {
    return 'has characters that no path can hold; write them percent-encoded, and expressions as {{ … }}'
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(skeleton)) return 'has a "%" that encodes nothing; write %25'
  if (skeleton.includes('//')) return 'has an empty part; remove one of the two slashes'
  if (new URL(`http://x${skeleton}`).pathname !== skeleton) {
    return 'has a part "." or ".."; write the path that is meant'
  }
  return undefined
}

/** A path, or why a message has none. */
export type FilledPath =
  { readonly ok: true; readonly path: string } | { readonly ok: false; readonly error: string }

/**
 * Rendered pieces put together: a value stands for a piece of one part, whatever it holds, slashes included.
 * A value that is empty, or no text and no number, makes no path: a message without an id would otherwise
 * go to the address of the whole collection.
 * @param rendered {@link pathPieces}, their templates replaced by what they gave
 */
export function fillPath(rendered: Json | undefined): FilledPath {
  const pieces: string[] = []
  for (const piece of Array.isArray(rendered) ? (rendered as readonly Json[]) : []) {
    const literal = member(piece, 'literal')
    if (typeof literal === 'string') {
      pieces.push(literal)
      continue
    }
    const given = member(piece, 'value')
    const value = typeof given === 'number' || typeof given === 'boolean' ? String(given) : given
    if (typeof value !== 'string' || value === '') {
      return { ok: false, error: 'an expression of its path gave nothing, or what is no text' }
    }
    if (!value.isWellFormed()) {
      return { ok: false, error: 'an expression of its path gave broken text' }
    }
    pieces.push(encodeURIComponent(value))
  }
  const path = pieces.join('')
  // Dots are not encoded by anything: a value of ".." would climb out of its place.
  return /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)
    ? { ok: false, error: 'an expression of its path gave "." or "..", which would lead elsewhere' }
    : { ok: true, path }
}

function member(piece: Json, name: 'literal' | 'value'): unknown {
  return typeof piece === 'object' && piece !== null && name in piece
    ? (piece as Readonly<Record<string, unknown>>)[name]
    : undefined
}
