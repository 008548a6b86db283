import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import type { AddCommand } from './command.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface MigrateOptions extends ConfigurationOption {
  readonly dryRun?: boolean
}

/** `crossdock migrate`: brings the tables up to this version. */
export const migrateCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('migrate')
    .summary('bring the tables up to this version')
    .description(
      'Applies the migrations that the database lacks. Running it twice, or from two places at once, is safe.',
    )
    .addOption(configurationOption())
    .option('--dry-run', 'say what would be applied, change nothing')
    .addHelpText(
      'after',
      `
Examples:
  crossdock migrate --dry-run
  crossdock migrate --config /etc/crossdock/configuration.json`,
    )
    .action(async (options: MigrateOptions) => finish(await migrate(terminal, options)))
}

async function migrate(terminal: Terminal, options: MigrateOptions): Promise<number> {
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const dryRun = options.dryRun ?? false
  const log = terminalLog(terminal)
  const { applied, pending } = await application.migrateDatabase(configuration, { dryRun, log })
  for (const name of applied) terminal.out(`applied  ${name}`)
  for (const name of pending) terminal.out(`pending  ${name}`)
  if (applied.length + pending.length === 0) terminal.out('The database is up to date.')
  return EXIT.ok
}
