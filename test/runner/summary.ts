import { type AreaResult, sum } from './area-result.ts'

const HEADINGS = ['area', 'begin', 'time', 'passed', 'failed', 'skipped']

/**
 * The end of a run, without its last line: a table of the areas, what was skipped, remarks, and what failed, which
 * comes last: it is what a reader of the end alone must see.
 */
export function summarize(results: readonly AreaResult[], durationMs: number): string {
  const rows = [
    ...results.map((result) => row(result)),
    row({ area: 'all', durationMs, ...sum(results) }),
  ]
  return [
    '',
    ...table([HEADINGS, ...rows]),
    ...skips(results),
    ...remarks(results),
    ...failures(results),
    '',
  ].join('\n')
}

/** A duration as the table and the progress lines show it. */
export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`
}

function row(result: Omit<AreaResult, 'skippedTests' | 'failedTests' | 'remark'>): string[] {
  const { area, beganMs = 0, durationMs, passed, failed, skipped } = result
  return [area, seconds(beganMs), seconds(durationMs), ...[passed, failed, skipped].map(String)]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] ?? '').length)),
  )
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((cells) => cells.map(pad).join('  '))
}

function remarks(results: readonly AreaResult[]): string[] {
  const lines = results.flatMap(({ area, remark }) =>
    remark === undefined ? [] : [`${area}: ${remark}`],
  )
  return lines.length === 0 ? [] : ['', ...lines]
}

/** More tests of one file, skipped for one reason, are counted and not named. */
const MANY = 5

function reasonOf(test: { readonly reason?: string | undefined } | undefined): string {
  return test?.reason ?? 'no reason given'
}

function groupOf(test: {
  readonly area: string
  readonly name: string
  readonly reason?: string | undefined
}): string {
  return `${test.area}: ${test.name.split(' > ')[0] ?? ''}\0${reasonOf(test)}`
}

/** Loud on purpose: a test that is skipped unseen is a test that nobody has. */
function skips(results: readonly AreaResult[]): string[] {
  const { skipped } = sum(results)
  if (skipped === 0) return []
  const all = results.flatMap(({ area, skippedTests }) =>
    skippedTests.map((test) => ({ ...test, area })),
  )
  const named = [...Map.groupBy(all, groupOf)].flatMap(([group, tests]) =>
    tests.length > MANY
      ? [`  ${group.split('\0')[0] ?? ''}: ${tests.length} tests`, `    ${reasonOf(tests[0])}`]
      : tests.flatMap((test) => [`  ${test.area}: ${test.name}`, `    ${reasonOf(test)}`]),
  )
  const unnamed = skipped - all.length
  return [
    '',
    `!!! ${skipped} SKIPPED`,
    ...named,
    ...(unnamed > 0 ? [`  and ${unnamed} more that were not named`] : []),
  ]
}

/** Of each reason; the whole of it stands further up. */
const REASON_LINES = 12

function failures(results: readonly AreaResult[]): string[] {
  const { failed } = sum(results)
  if (failed === 0) return []
  const named = results.flatMap(({ area, failedTests }) =>
    failedTests.flatMap((test) => [
      `  ${area}: ${test.name}`,
      ...reasonOf(test)
        .split('\n')
        .slice(0, REASON_LINES)
        .map((line) => `    ${line}`),
    ]),
  )
  return ['', `!!! ${failed} FAILED`, ...named]
}
