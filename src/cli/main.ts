import { Command, CommanderError } from 'commander'
import { checkCommand } from './check.ts'
import type { AddCommand, Finish } from './command.ts'
import { deadCommand } from './dead.ts'
import { EXIT } from './exit-code.ts'
import { migrateCommand } from './migrate.ts'
import { integrationsCommand, queuesCommand } from './pause-commands.ts'
import { printConfigCommand } from './print-config.ts'
import { printSchemaCommand } from './print-schema.ts'
import { programVersion } from '../app/program-version.ts'
import { reportError } from './report-error.ts'
import { makeScheduleCommand } from './make-schedule.ts'
import { schedulesCommand } from './schedules.ts'
import { sqlCommand } from './sql.ts'
import { startCommand } from './start.ts'
import { testMappingCommand } from './test-mapping.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { tryCommand } from './try.ts'
import { UNAVAILABLE_COMMANDS } from './unavailable-commands.ts'

const COMMANDS: readonly AddCommand[] = [
  startCommand,
  migrateCommand,
  checkCommand,
  sqlCommand,
  testMappingCommand,
  tryCommand,
  queuesCommand,
  integrationsCommand,
  deadCommand,
  schedulesCommand,
  makeScheduleCommand,
  printConfigCommand,
  printSchemaCommand,
]

const EPILOGUE = `
Exit codes:
  0    done
  1    it did not work: the message says why
  2    wrong usage
  86   its main thread hung, and it ended itself
  130  a second Ctrl-C while stopping

Environment:
  CROSSDOCK_CONFIG  the configuration, where --config names none
  CROSSDOCK_DEBUG   set: errors are shown with their stack`

/**
 * Runs one command line and returns the exit code. Errors are written to standard error, never thrown.
 * @param argv without the names of node and of the program
 */
export async function main(argv: readonly string[], given?: Terminal): Promise<number> {
  const terminal = given ?? (await processTerminal())
  let exitCode: number = EXIT.ok
  const program = buildProgram(terminal, (code) => {
    exitCode = code
  })
  const unavailable = UNAVAILABLE_COMMANDS.find((name) => name === argv[0])
  if (unavailable !== undefined) {
    terminal.err(`error: the command '${unavailable}' is not available in this version`)
    return EXIT.usage
  }
  if (argv.length === 0) {
    terminal.err(program.helpInformation())
    return EXIT.usage
  }
  try {
    const words = namesCommand(program, argv) ? [...argv] : argv.slice(0, 1)
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has written its own message already, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return reportError(error, terminal)
  }
}

/**
 * Whether the first word is an option or a command. Where it is neither, Commander answers
 * `bogus --help` with the help, as if all were well.
 */
function namesCommand(program: Command, [first = '']: readonly string[]): boolean {
  const names = [
    'help',
    ...program.commands.flatMap((command) => [command.name(), ...command.aliases()]),
  ]
  return first.startsWith('-') || names.includes(first)
}

function buildProgram(terminal: Terminal, finish: Finish): Command {
  const program = new Command('crossdock')
    .description(
      'Stands between senders of messages and a database: commit-then-acknowledge ingestion, transactional handlers, a full history.',
    )
    .version(programVersion(), '-V, --version')
    .showHelpAfterError('(crossdock --help shows the commands)')
    .addHelpText('after', EPILOGUE)
  // Before the commands: they inherit both.
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text.trimEnd()),
    writeErr: (text) => terminal.err(text.trimEnd()),
  })
  for (const add of COMMANDS) add(program, terminal, finish)
  return program
}
