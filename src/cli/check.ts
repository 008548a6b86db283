import { errorMessage } from '../domain/errors.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Application } from './application.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { databaseText } from './database-text.ts'
import { EXIT } from './exit-code.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface CheckOptions extends ConfigurationOption {
  readonly connect?: boolean
}

/** `crossdock check`: says whether `start` would work. */
export const checkCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('check')
    .summary('say whether start would work, and change nothing')
    .description(
      'Checks the configuration, loads the handlers, and reports every problem at once. Changes nothing.',
    )
    .addOption(configurationOption())
    .option(
      '--connect',
      'also connect to everything that the file names: database, Redis (starts the embedded database for the time being)',
    )
    .addHelpText(
      'after',
      `
Examples:
  crossdock check
  crossdock check --connect --config /etc/crossdock/configuration.json`,
    )
    .action(async (options: CheckOptions) => finish(await check(terminal, options)))
}

async function check(terminal: Terminal, options: CheckOptions): Promise<number> {
  const { configuration } = await loadFor(terminal, options)
  terminal.out(`ok       configuration: ${configuration.file ?? ''}`)
  const application = await terminal.application()
  const parts = [
    await checkHandlers(terminal, application, configuration),
    options.connect === true ? await checkConnections(terminal, application, configuration) : true,
  ]
  for (const { protocol, name, atLeastOnceWhen } of configuration.subscriptions) {
    if (atLeastOnceWhen === undefined) continue
    terminal.out(`note     ${protocol}:${name} is at-least-once when ${atLeastOnceWhen}`)
  }
  return parts.every((isSound) => isSound) ? EXIT.ok : EXIT.failure
}

async function checkHandlers(
  terminal: Terminal,
  application: Application,
  configuration: Configuration,
): Promise<boolean> {
  let names: readonly string[]
  try {
    names = (await application.loadHandlerFolders(configuration, terminalLog(terminal))).names
  } catch (error) {
    terminal.err(`problem  handlers: ${errorMessage(error)}`)
    return false
  }
  terminal.out(`ok       handlers: ${names.length === 0 ? 'none' : names.join(', ')}`)
  const orphans = configuration.subscriptions.flatMap(({ protocol, name, handler }) =>
    handler === undefined || names.includes(handler) ? [] : [{ protocol, name, handler }],
  )
  // An instance that only receives may leave the handlers to others.
  const word = configuration.jobs.enabled ? 'problem' : 'warning'
  for (const { protocol, name, handler } of orphans) {
    terminal.err(
      `${word}  ${protocol}:${name} names the handler ${handler}, which no folder of jobs.handlers has`,
    )
  }
  return orphans.length === 0 || !configuration.jobs.enabled
}

async function checkConnections(
  terminal: Terminal,
  application: Application,
  configuration: Configuration,
): Promise<boolean> {
  const reports = await application.probeConnections(configuration, terminalLog(terminal))
  for (const report of reports) {
    const { name } = report
    const place = name === 'database' ? `: ${databaseText(configuration.database)}` : ''
    if (report.ok) {
      terminal.out(`ok       ${name}${place} (${report.facts})`)
      for (const note of report.notes ?? []) terminal.out(`note     ${name}: ${note}`)
    } else {
      terminal.err(`failed   ${name}${place}: ${report.reason}\n         ${report.advice}`)
    }
  }
  return reports.every(({ ok }) => ok)
}
