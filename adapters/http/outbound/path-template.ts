const EXPRESSION = /\{\{[^]*?\}\}/g
const LITERAL = /^[A-Za-z0-9._~@+,=:;!$&'()*%/-]*$/

/**
 * A path as its pieces: literals and `{{ … }}` in turn, a literal first and last. They are rendered each by
 * itself, so that it is known afterwards what came from a message: that is percent-encoded, and what the
 * configuration says is not.
 */
export function pathPieces(path: string): readonly string[] {
  const literals = path.split(EXPRESSION)
  const expressions = path.match(EXPRESSION) ?? []
  return literals.flatMap((literal, index) => [
    literal,
    ...(expressions[index] === undefined ? [] : [expressions[index]]),
  ])
}

/** What is wrong with a path; `undefined`: nothing. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return undefined
  if (!path.startsWith('/')) return 'must begin with "/"; the host is that of base_url'
  const literals = path.split(EXPRESSION)
  const bad = literals.find((literal) => !LITERAL.test(literal))
  if (bad?.includes('?') === true) return 'holds a "?"; put what follows into query'
  if (bad !== undefined) {
    return 'has characters that no path can hold; write them percent-encoded, and expressions as {{ … }}'
  }
  const skeleton = path.replaceAll(EXPRESSION, 'x')
  if (/%(?![0-9A-Fa-f]{2})/.test(skeleton)) return 'has a "%" that encodes nothing; write %25'
  if (skeleton.includes('//')) return 'has an empty part; remove one of the two slashes'
  if (new URL(skeleton, 'http://x').pathname !== skeleton) {
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
 * @param rendered as {@link pathPieces} has them: the odd ones are values
 */
export function fillPath(rendered: readonly unknown[]): FilledPath {
  const pieces: string[] = []
  for (const [index, piece] of rendered.entries()) {
    if (index % 2 === 0) {
      pieces.push(typeof piece === 'string' ? piece : '')
      continue
    }
    const value = typeof piece === 'number' || typeof piece === 'boolean' ? String(piece) : piece
    if (typeof value !== 'string' || value === '') {
      return { ok: false, error: 'an expression of its path gave nothing, or what is no text' }
    }
    if (!value.isWellFormed())
      return { ok: false, error: 'an expression of its path gave broken text' }
    pieces.push(encodeURIComponent(value))
  }
  const path = pieces.join('')
  // Dots are not encoded by anything: a value of ".." would climb out of its place.
  return /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)
    ? { ok: false, error: 'an expression of its path gave "." or "..", which would lead elsewhere' }
    : { ok: true, path }
}
