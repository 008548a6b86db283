import { printConfiguration } from '../config/print.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'

/** `crossdock print-config`: the configuration as it takes effect. */
export const printConfigCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('print-config')
    .summary('print the configuration as it takes effect, secrets masked')
    .description(
      'Prints the configuration as JSON: references replaced, defaults filled in, secrets masked. The name of the file goes to standard error.',
    )
    .addOption(configurationOption())
    .addHelpText('after', '\nExample:\n  crossdock print-config | jq .jobs')
    .action(async (options: ConfigurationOption) => {
      const loaded = await loadFor(terminal, options)
      terminal.err(`# ${loaded.configuration.file ?? ''}`)
      terminal.out(printConfiguration(loaded, terminal.adapters).trimEnd())
      finish(EXIT.ok)
    })
}
