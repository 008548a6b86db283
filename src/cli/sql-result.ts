import type { SqlResult } from './application.ts'

/** A result as an aligned table, or as the line that psql prints for a statement without rows. */
export function resultText(result: SqlResult): string {
  return result.columns.length === 0 ? commandLine(result) : table(result)
}

/** A result as one line of JSON; columns of one name: the last one stays. */
export function resultJson({ command, rowCount, columns, rows }: SqlResult): string {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map((column, index) => [column, jsonValue(row[index])])),
  )
  return JSON.stringify({ command, row_count: rowCount, rows: objects })
}

function commandLine({ command, rowCount }: SqlResult): string {
  if (rowCount === null) return command
  return command === 'INSERT' ? `INSERT 0 ${rowCount}` : `${command} ${rowCount}`
}

function table({ columns, rows }: SqlResult): string {
  const cells = rows.map((row) => columns.map((_, index) => cellText(row[index])))
  const widths = columns.map((column, index) =>
    Math.max(width(column), ...cells.map((row) => width(row[index] ?? ''))),
  )
  const isNumeric = columns.map((_, index) =>
    rows.every((row) => ['number', 'bigint'].includes(typeof row[index])),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => {
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell)))
        return isNumeric[index] === true ? ` ${padding}${cell} ` : ` ${cell}${padding} `
      })
      .join('|')
      .trimEnd()
  const rule = widths.map((size) => '-'.repeat(size + 2)).join('+')
  const count = rows.length === 1 ? '(1 row)' : `(${rows.length} rows)`
  return [line(columns), rule, ...cells.map(line), count].join('\n')
}

/** Made when a table is: it costs each other command 8 ms. */
let segmenter: Intl.Segmenter | undefined

/** Characters as people count them; that some scripts' take two places is not looked at. */
function width(text: string): number {
  segmenter ??= new Intl.Segmenter()
  return Array.from(segmenter.segment(text)).length
}

function cellText(value: unknown): string {
  const json = jsonValue(value)
  if (json === null) return ''
  const text = typeof json === 'string' ? json : JSON.stringify(json)
  // A line break would tear the table; other control characters could steer the terminal.
  return text.replaceAll('\n', '\\n').replaceAll(/\p{Cc}/gu, '\uFFFD')
}

function jsonValue(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return value.toString()
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  return value instanceof Date ? value.toISOString() : value
}
