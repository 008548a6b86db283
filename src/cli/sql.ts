import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { resultJson, resultText } from './sql-result.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface SqlOptions extends ConfigurationOption {
  readonly json?: boolean
}

/** `crossdock sql`: runs SQL on the configured database. */
export const sqlCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('sql')
    .summary('run SQL on the configured database')
    .description(
      'Runs SQL on the configured database, from the argument or from standard input, and prints what it gives. The embedded database is used where it runs, and started for the time being where not.',
    )
    .argument('[statement]', 'one statement or several; left out: standard input')
    .addOption(configurationOption())
    .option('--json', 'one JSON object a statement: command, row_count, rows')
    .addHelpText(
      'after',
      `
Examples:
  crossdock sql "select id, handler, statusid from queue_jobs order by seq desc limit 5"
  crossdock sql "INSERT INTO queue_jobs (handler, payload) VALUES ('examples.hello', '{\\"name\\":\\"Ada\\"}')"
  crossdock sql --json "select * from job_histories" | jq '.rows[]'
  crossdock sql < report.sql`,
    )
    .action(async (statement: string | undefined, options: SqlOptions) =>
      finish(await sql(terminal, statement, options)),
    )
}

async function sql(
  terminal: Terminal,
  statement: string | undefined,
  options: SqlOptions,
): Promise<number> {
  const text = statement ?? (await terminal.input())
  if (text === undefined || text.trim() === '') {
    throw new CrossdockError(
      'usage',
      'There is no statement: give it as the argument, or on standard input.',
    )
  }
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const { results } = await application
    .runSql(configuration, text, terminalLog(terminal))
    .catch((error: unknown) => {
      throw withAdvice(error)
    })
  for (const result of results) {
    terminal.out(options.json === true ? resultJson(result) : resultText(result))
  }
  return EXIT.ok
}

/** PostgreSQL's and MySQL's `SQLSTATE` of a table that is not there. */
const NO_TABLE: readonly unknown[] = ['42P01', '42S02']

const OWN_TABLE =
  /["'.](?:queue_jobs|job_histories|jobs|job_notifications|crossdock_migrations)["']/

/** A table of ours that is missing: nobody has migrated this database yet. */
function withAdvice(error: unknown): unknown {
  if (!isCrossdockError(error, 'database_error')) return error
  const isOurs = NO_TABLE.includes(error.details['sqlstate']) && OWN_TABLE.test(error.message)
  if (!isOurs) return error
  return new CrossdockError(
    error.code,
    `${error.message}: run \`crossdock migrate\`, which makes the tables of Crossdock`,
    { cause: error, details: error.details },
  )
}
