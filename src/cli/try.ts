import { CrossdockError } from '../domain/errors.ts'
import type { TryMessage, TryOptions } from './application.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { readHeaders, readInput } from './input-files.ts'
import { parseCount, parseSeconds } from './option-values.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'
import { deadJson, deadText } from './try-dead-text.ts'
import { succeeds, tryJson } from './try-json.ts'
import { STAYED, tryText } from './try-text.ts'

interface TryCommandOptions extends ConfigurationOption {
  readonly handler?: string
  readonly payload?: string
  readonly contentType?: string
  readonly headers?: string
  readonly key?: string
  readonly tenant?: string
  readonly dead?: boolean
  readonly limit: number
  readonly timeout?: number
  readonly json?: boolean
}

/** `crossdock try`: what today's handler would do to a message. */
export const tryCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('try')
    .summary("run today's handler on a message, and take everything back")
    .description(
      "Runs today's handler on a stored job, on a file, or on all dead letters, each in a real transaction on the configured database, and always rolls back. Shows how it would end, the rows touched, what it would publish and enqueue, progress, log and time. Ends with 1 when it would not succeed.\n\nWhat a handler does outside of the database cannot be held back: requests to other services, e-mails and files are real. While it runs, the rows that it writes are locked.",
    )
    .argument('[job]', 'the id of a stored job')
    .option('--handler <name>', 'the handler; with --dead: the dead letters of this handler alone')
    .option(
      '--payload <file>',
      'the payload of a message that is stored nowhere; -: standard input',
    )
    .option('--content-type <type>', 'of the payload (default: JSON)')
    .option('--headers <file-or-json>', 'headers of the message: a JSON object, or a file of one')
    .option('--key <key>', "the broker's message key: job.metadata.key")
    .option('--tenant <id>', 'the tenant: job.tenantId')
    .option('--dead', 'every dead letter, the newest first')
    .option('--limit <n>', 'dead letters to try, at most', parseCount, 100)
    .option('--timeout <seconds>', "instead of the job's own time-out", parseSeconds)
    .addOption(configurationOption())
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  crossdock try 0198f2a0-5b1c-7c51-9d3e-0b6a4c1f9a55
  crossdock try --handler orders.place --payload order.json
  echo '{"name":"Ada"}' | crossdock try --handler examples.hello --payload -
  crossdock try --dead --handler orders.place --limit 1000
  crossdock try --dead --json | jq '.failing[]'`,
    )
    .action(async (job: string | undefined, options: TryCommandOptions) =>
      finish(await tryAndTell(terminal, job, options)),
    )
}

async function tryAndTell(
  terminal: Terminal,
  job: string | undefined,
  options: TryCommandOptions,
): Promise<number> {
  const message = await messageOf(terminal, job, options)
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const log = terminalLog(terminal)
  const stop = new AbortController()
  const forget = terminal.onSignal(() => {
    // A second one finds a handler that does not listen: its connection breaks with the process.
    if (stop.signal.aborted) terminal.exit(EXIT.interrupted)
    stop.abort()
  })
  const how: TryOptions = {
    signal: stop.signal,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout * 1000 }),
  }
  try {
    if (message === 'dead') {
      const report = await application.tryDead(
        configuration,
        {
          ...how,
          handler: options.handler,
          limit: options.limit,
          onProgress: progressOn(terminal),
        },
        log,
      )
      terminal.status('')
      terminal.out(options.json === true ? deadJson(report) : deadText(report))
      if (report.trials.some(({ mayHaveStayed }) => mayHaveStayed)) terminal.err(STAYED)
      if (report.brokenOff) return EXIT.interrupted
      return report.trials.some(({ outcome }) => outcome === 'fails') ? EXIT.failure : EXIT.ok
    }
    const report = await application.tryMessage(configuration, message, how, log)
    terminal.out(options.json === true ? tryJson(report) : tryText(report))
    if (report.trial.rehearsal.mayHaveStayed) terminal.err(STAYED)
    if (stop.signal.aborted) return EXIT.interrupted
    return succeeds(report) ? EXIT.ok : EXIT.failure
  } finally {
    forget()
  }
}

/** What the words of the command name; `dead`: all dead letters. */
async function messageOf(
  terminal: Terminal,
  job: string | undefined,
  options: TryCommandOptions,
): Promise<TryMessage | 'dead'> {
  const { handler, payload, dead = false } = options
  const ways = [job !== undefined, payload !== undefined, dead].filter(Boolean)
  if (ways.length !== 1) {
    throw new CrossdockError(
      'usage',
      'Name one thing to try: the id of a job, or --handler with --payload, or --dead.',
    )
  }
  const { contentType, headers, key, tenant } = options
  const own = Object.entries({ 'content-type': contentType, headers, key, tenant })
  const [misplaced] = own.find(([, value]) => payload === undefined && value !== undefined) ?? []
  if (misplaced !== undefined) {
    throw new CrossdockError(
      'usage',
      `--${misplaced} goes with --payload: a stored job has its own.`,
    )
  }
  if (dead) return 'dead'
  if (job !== undefined) return { job, handler }
  if (handler === undefined || payload === undefined) {
    throw new CrossdockError('usage', '--payload needs --handler: which handler is to run it?')
  }
  return {
    handler,
    body: await readPayload(terminal, payload),
    contentType,
    headers: await readHeaders(terminal, headers),
    key,
    tenantId: tenant,
  }
}

async function readPayload(terminal: Terminal, file: string): Promise<Uint8Array> {
  return file === '-'
    ? Buffer.from((await terminal.input()) ?? '')
    : await readInput(terminal, file)
}

function progressOn(terminal: Terminal): (tried: number, succeeding: number) => void {
  return (tried, succeeding) => {
    terminal.status(`${tried} tried, ${succeeding} would succeed`)
  }
}
