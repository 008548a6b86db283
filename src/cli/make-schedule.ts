import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError } from '../domain/errors.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

interface MakeOptions extends ConfigurationOption {
  readonly cron: string
}

/** `crossdock make:schedule`: writes a handler that makes its own jobs. */
export const makeScheduleCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('make:schedule')
    .alias('make:cron')
    .summary('write a handler with a schedule')
    .description(
      'Writes a handler with its schedule into the first folder of jobs.handlers. A file that is there is left as it is.',
    )
    .argument('<name>', 'of the handler, such as reports.daily')
    .option('--cron <expression>', 'when it fires', '0 8 * * *')
    .addOption(configurationOption())
    .action(async (name: string, options: MakeOptions) => {
      await makeSchedule(terminal, name, options)
      finish(EXIT.ok)
    })
}

async function makeSchedule(terminal: Terminal, name: string, options: MakeOptions): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new CrossdockError('usage', `'${name}' is no name of letters, digits, dots and dashes`)
  }
  const { configuration } = await loadFor(terminal, options)
  const [folder] = configuration.jobs.handlerFolders
  if (folder === undefined) {
    throw new CrossdockError(
      'usage',
      'jobs.handlers names no folder: add one, such as "./handlers".',
    )
  }
  const file = path.join(folder, `${name.replaceAll('.', '-')}.ts`)
  await mkdir(folder, { recursive: true })
  try {
    await writeFile(file, source(name, options.cron), { flag: 'wx' })
  } catch (cause) {
    throw new CrossdockError('usage', `${file} is there already, or cannot be written.`, { cause })
  }
  terminal.out(file)
}

function source(name: string, cron: string): string {
  return `import { defineHandler } from 'crossdock'

export default defineHandler({
  name: ${JSON.stringify(name)},
  schedule: { cron: ${JSON.stringify(cron)}, timezone: 'UTC' },
  async run({ log }) {
    log.info({}, 'done')
    return { done: true }
  },
})
`
}
