import { configurationJsonSchema } from '../config/json-schema.ts'
import type { AddCommand } from './command.ts'
import { EXIT } from './exit-code.ts'

/** `crossdock print-schema`: the JSON Schema of the configuration. */
export const printSchemaCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('print-schema')
    .summary('print the JSON Schema of the configuration')
    .description(
      'Prints the JSON Schema of the configuration, for editors: name the file in "$schema" of the configuration.',
    )
    .addHelpText('after', '\nExample:\n  crossdock print-schema > configuration.schema.json')
    .action(() => {
      terminal.out(JSON.stringify(configurationJsonSchema(terminal.adapters), null, 2))
      finish(EXIT.ok)
    })
}
