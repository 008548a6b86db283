/** A line of the client's: what ends a statement from there on. */
const DELIMITER = /^\s*DELIMITER\s+(\S+)\s*$/i

/**
 * The statements of a migration file: each ends with a semicolon at the end of a line, and has none
 * inside at such a place; behind a line `DELIMITER //` with `//` instead, as for the client, which is for
 * triggers with semicolons in them. Comments that stand alone go; those that a server reads stay.
 */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let delimiter = ';'
  let pending: string[] = []
  for (const line of sql.split('\n')) {
    if (/^\s*--/.test(line)) continue
    const changed = DELIMITER.exec(line)?.[1]
    const text = line.trimEnd()
    const isEnd = changed === undefined && text.endsWith(delimiter)
    if (changed !== undefined) delimiter = changed
    else pending.push(isEnd ? text.slice(0, -delimiter.length) : line)
    if (isEnd) {
      statements.push(pending.join('\n'))
      pending = []
    }
  }
  return [...statements, pending.join('\n')]
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}
