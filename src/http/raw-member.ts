/**
 * The text of a member of a JSON object, as it stands there; of several with this name the last, as
 * for `JSON.parse`. Parsing and writing again would round numbers, put keys that look like numbers
 * first, and fail on deep nesting.
 * @param text valid JSON, which is not checked
 */
export function rawMember(text: string, name: string): string | undefined {
  let depth = 0
  let key: string | undefined
  let start = -1
  let found: string | undefined
  const endValue = (end: number): void => {
    if (key === name && start >= 0) found = text.slice(start, end).trim()
    key = undefined
    start = -1
  }
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') {
      const end = endOfString(text, at)
      if (depth === 1 && key === undefined) key = JSON.parse(text.slice(at, end + 1)) as string
      at = end
    } else if (char === '{' || char === '[') {
      depth++
    } else if (char === '}' || char === ']') {
      if (depth === 1) endValue(at)
      depth--
    } else if (depth === 1 && char === ',') {
      endValue(at)
    } else if (depth === 1 && char === ':') {
      start = at + 1
    }
  }
  return found
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}
