import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'jsonc-parser'
import { runSql } from '../../src/app/run-sql.ts'
import { resultJson } from '../../src/cli/sql-result.ts'
import { configurationFromObject } from '../../src/config/load.ts'
import { mappingCheck } from '../../src/expressions/check.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { TestFolder } from './program.ts'

/** A row as `crossdock sql --json` prints it. */
export type PrintedRow = Readonly<Record<string, unknown>>

/**
 * The rows that `crossdock sql` prints of the last statement, on the database of a program's configuration. It starts no
 * process, which would take a third of a second of a processor each time.
 */
export async function homeSql(
  { config }: TestFolder,
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<readonly PrintedRow[]> {
  const { database } = parse(await readFile(config, 'utf8')) as { database: object }
  const options = { directory: path.dirname(config), env, adapters: [], mappingCheck }
  const { configuration } = await configurationFromObject({ database }, options)
  const { results } = await runSql(configuration, text, silentLog)
  const last = results.at(-1)
  return last === undefined ? [] : (JSON.parse(resultJson(last)) as { rows: PrintedRow[] }).rows
}
