const CONTEXT_LINES = 2
const SHOWN_LINES = 10

/**
 * The first place where two texts differ, in the manner of a unified diff: what the file has
 * with `-`, what it should have with `+`, at most {@link SHOWN_LINES} lines of each.
 */
export function firstDifference(actual: string, expected: string): string {
  const have = actual.split('\n')
  const want = expected.split('\n')

  let start = 0
  while (start < have.length && have[start] === want[start]) start++
  let sameAtEnd = 0
  while (
    sameAtEnd < Math.min(have.length, want.length) - start &&
    have.at(-1 - sameAtEnd) === want.at(-1 - sameAtEnd)
  ) {
    sameAtEnd++
  }

  return [
    `@@ line ${start + 1} @@`,
    ...have.slice(Math.max(0, start - CONTEXT_LINES), start).map((line) => ` ${line}`),
    ...marked('-', have.slice(start, have.length - sameAtEnd)),
    ...marked('+', want.slice(start, want.length - sameAtEnd)),
  ].join('\n')
}

function marked(sign: '-' | '+', lines: readonly string[]): string[] {
  const shown = lines.slice(0, SHOWN_LINES).map((line) => sign + line)
  const hidden = lines.length - shown.length
  return hidden > 0 ? [...shown, `${sign} … ${hidden} more lines`] : shown
}
