/**
 * The statements of a migration file: each ends with a semicolon at the end of a line, and has none
 * inside at such a place. Comments that stand alone go; those that a server reads stay.
 */
export function splitStatements(sql: string): readonly string[] {
  return sql
    .split('\n')
    .filter((line) => !/^\s*--/.test(line))
    .join('\n')
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}
