import type { MessagePreview } from './application.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { readHeaders, readInput } from './input-files.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface TestMappingOptions extends ConfigurationOption {
  readonly subscription: string
  readonly message: readonly string[]
  readonly headers?: string
  readonly json?: boolean
}

/** `crossdock test-mapping`: what a subscription would make of a message. */
export const testMappingCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('test-mapping')
    .summary('show what a subscription would make of a message')
    .description(
      'Applies the schema, the filter and the map of a subscription to messages in files, and shows the rows that they would become, or why not. Needs no database and stores nothing. Ends with 1 when a message is invalid.',
    )
    .requiredOption('-s, --subscription <name>', 'the subscription, such as orders')
    .requiredOption('-m, --message <file...>', 'files, each with the body of one message')
    .option('--headers <file-or-json>', 'headers of the messages: a JSON object, or a file of one')
    .option('--json', 'one JSON object a message: file, outcome, row, reason, problems')
    .addOption(configurationOption())
    .addHelpText(
      'after',
      `
Examples:
  crossdock test-mapping --subscription orders --message order.json
  crossdock test-mapping -s orders -m a.json b.json --headers '{"X-Tenant":"acme"}'
  crossdock test-mapping -s orders -m order.json --json | jq .row.payload`,
    )
    .action(async (options: TestMappingOptions) => finish(await testMapping(terminal, options)))
}

async function testMapping(terminal: Terminal, options: TestMappingOptions): Promise<number> {
  const files = options.message
  const bodies = await Promise.all(files.map((file) => readInput(terminal, file)))
  const headers = await readHeaders(terminal, options.headers)
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const previews = await application.testMapping(
    configuration,
    { subscription: options.subscription, bodies, headers },
    terminalLog(terminal),
  )
  previews.forEach((preview, index) => {
    const file = files[index] ?? ''
    terminal.out(options.json === true ? JSON.stringify({ file, ...preview }) : text(file, preview))
  })
  return previews.some(({ outcome }) => outcome === 'invalid') ? EXIT.failure : EXIT.ok
}

function text(file: string, preview: MessagePreview): string {
  switch (preview.outcome) {
    case 'filtered':
      return `filtered  ${file}: acknowledged, and not stored`
    case 'invalid':
      return [
        `invalid   ${file}: ${preview.reason}`,
        ...preview.problems.map(
          ({ path: place, message }) => `  ${place === '' ? '' : `${place}: `}${message}`,
        ),
      ].join('\n')
    case 'stored':
      return [
        `stored    ${file}`,
        ...columns(preview.row),
        ...preview.routed.flatMap((row) => ['  and in the same commit', ...columns(row)]),
      ].join('\n')
  }
}

function columns(row: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(row).map(
    ([column, value]) =>
      `  ${column.padEnd(15)} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
}
