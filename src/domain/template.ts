/** A piece of a template: a text that stands for itself, or an expression. */
export type TemplatePart = string | { readonly expression: string }

/** A template in pieces, or what is wrong with it. */
export type ParsedTemplate =
  | { readonly ok: true; readonly parts: readonly TemplatePart[] }
  | { readonly ok: false; readonly problem: string }

/**
 * Takes a text with `{{ expression }}` in it apart. Braces, texts in quotes and comments of an expression may
 * hold `}}`.
 */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = []
  let from = 0
  for (;;) {
    const open = text.indexOf('{{', from)
    if (open < 0) break
    const close = endOfExpression(text, open + 2)
    if (close < 0) {
      return { ok: false, problem: `the {{ at character ${open + 1} is not closed by }}` }
    }
    const expression = text.slice(open + 2, close).trim()
    if (expression === '') {
      return { ok: false, problem: `there is nothing in the {{ }} at character ${open + 1}` }
    }
    if (open > from) parts.push(text.slice(from, open))
    parts.push({ expression })
    from = close + 2
  }
  if (from < text.length) parts.push(text.slice(from))
  return { ok: true, parts }
}

/** Where the `}}` of the expression that begins at `from` is; -1: nowhere. */
function endOfExpression(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '"' || character === "'" || character === '`') {
      at = endOfQuote(text, at)
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2)
      if (end < 0) return -1
      at = end + 1
    } else if (character === '{') depth += 1
    else if (character === '}') {
      if (depth > 0) depth -= 1
      else if (text.charAt(at + 1) === '}') return at
    }
  }
  return -1
}

/** Where the quote that begins at `from` ends; the end of the text when it does not. */
function endOfQuote(text: string, from: number): number {
  const quote = text.charAt(from)
  for (let at = from + 1; at < text.length; at += 1) {
    if (text.charAt(at) === '\\' && quote !== '`') at += 1
    else if (text.charAt(at) === quote) return at
  }
  return text.length
}
