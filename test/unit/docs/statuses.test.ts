import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { STATUS, STATUS_WORDS, TRANSITIONS } from '../../../src/domain/status.ts'

const page = await readFile(new URL('../../../docs/statuses.md', import.meta.url), 'utf8')

/** The cells of the rows of a Markdown table, without its heading. */
function cells(table: string): string[][] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((row) => !row.every((cell) => /^-+$/.test(cell)))
}

test('docs/statuses.md allows the transitions that the code allows, and no other', () => {
  const table = /<!-- transitions:begin[^\n]*-->([\s\S]*?)<!-- transitions:end -->/.exec(page)?.[1]
  const [heading = [], ...rows] = cells(table ?? '')
  const explained = rows.map(([from = '', ...marks]) => [
    from,
    heading.slice(1).filter((_, index) => marks[index] === 'yes'),
  ])
  const allowed = STATUS_WORDS.map((from) => [
    from,
    STATUS_WORDS.filter((to) => TRANSITIONS[from].includes(to)),
  ])
  expect(explained).toEqual(allowed)
})

test('docs/statuses.md gives every status its number', () => {
  const explained = [...page.matchAll(/^\| (\d) +\| `(\w+)` +\|/gm)].map(([, number, word]) => [
    word,
    Number(number),
  ])
  expect(Object.fromEntries(explained)).toEqual(STATUS)
})
