import { type Command, InvalidArgumentError } from 'commander'
import { CrossdockError } from '../domain/errors.ts'
import type { DeadLetter, DeadLetterFilter, Replay, ReplayCounts } from '../ports/dead-letters.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface FilterOptions
  extends
    ConfigurationOption,
    Pick<DeadLetterFilter, 'handler' | 'protocol' | 'subscription' | 'from' | 'to'> {
  readonly reason?: string
  readonly tenant?: string
  readonly limit: number
  readonly json?: boolean
}

interface ReplayOptions extends FilterOptions {
  readonly all?: boolean
  readonly force?: boolean
  readonly dryRun?: boolean
}

/** `crossdock dead`: lists dead letters, shows one, replays them. */
export const deadCommand: AddCommand = (program, terminal, finish) => {
  const dead = program
    .command('dead')
    .summary('list, show and replay dead letters')
    .description(
      'Works on the database of the configuration. A dead letter is a message that could not be stored as asked, or a job that failed for good.',
    )
  filters(dead.command('list').summary('list dead letters, the latest first')).action(
    async (options: FilterOptions) => finish(await list(terminal, options)),
  )
  dead
    .command('show')
    .summary('show one dead letter with its payload')
    .argument('<id>', 'its id')
    .addOption(configurationOption())
    .action(async (id: string, options: ConfigurationOption) =>
      finish(await show(terminal, id, options)),
    )
  filters(
    dead
      .command('replay')
      .summary('make new jobs of dead letters')
      .description(
        'Replays those that are named, or with --all those that the filters let through, in the order of their arrival. A message goes through its subscription as it is now; a job is made again. Each is replayed once. Ends with 1 when one was refused.',
      )
      .argument('[id...]', 'their ids')
      .option('--all', 'all that the filters let through, at most --limit')
      .option('--force', 'also what was replayed before')
      .option('--dry-run', 'say what would be replayed, and store nothing'),
  )
    .addHelpText(
      'after',
      `
Examples:
  crossdock dead replay 0199f3a0-…
  crossdock dead replay --all --subscription orders --reason schema_invalid --dry-run
  crossdock dead replay --all --handler orders.place --from 2030-01-31T00:00:00Z --limit 1000`,
    )
    .action(async (ids: string[], options: ReplayOptions) =>
      finish(await replay(terminal, ids, options)),
    )
}

function filters(command: Command): Command {
  return command
    .option('--handler <name>', 'of this handler')
    .option('--protocol <word>', 'of this protocol')
    .option('--subscription <name>', 'of this subscription: its name or address')
    .option('--reason <word>', 'with this deadreason')
    .option('--tenant <id>', 'of this tenant')
    .option('--from <time>', 'made at this time or later, such as 2030-01-31T12:00:00Z', time)
    .option('--to <time>', 'made before this time', time)
    .option('--limit <n>', 'at most so many', count, 100)
    .option('--json', 'JSON, one object a line')
    .addOption(configurationOption())
}

async function list(terminal: Terminal, options: FilterOptions): Promise<number> {
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  await application.withDeadLetters(configuration, terminalLog(terminal), async (letters) => {
    let shown = 0
    let after: string | null = null
    do {
      const page = await letters.list({
        filter: filterOf(options),
        after,
        limit: options.limit - shown,
      })
      for (const letter of page.rows) {
        terminal.out(options.json === true ? JSON.stringify(letter) : line(letter))
      }
      shown += page.rows.length
      after = page.next
    } while (after !== null && shown < options.limit)
    if (shown === 0) terminal.err('There are no such dead letters.')
  })
  return EXIT.ok
}

async function show(terminal: Terminal, id: string, options: ConfigurationOption): Promise<number> {
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const found = await application.withDeadLetters(
    configuration,
    terminalLog(terminal),
    async (letters) => await letters.show(id),
  )
  if (found === undefined) {
    throw new CrossdockError(
      'job_not_found',
      `There is no dead letter '${id}'; \`crossdock dead list\` shows them.`,
    )
  }
  terminal.out(JSON.stringify({ ...found.job, replayedAs: found.replayedAs ?? null }, undefined, 2))
  return EXIT.ok
}

async function replay(
  terminal: Terminal,
  ids: readonly string[],
  options: ReplayOptions,
): Promise<number> {
  if (ids.length > 0 === (options.all === true)) {
    throw new CrossdockError('usage', 'Name the dead letters to replay, or say --all with filters.')
  }
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const how = { force: options.force, dryRun: options.dryRun }
  return await application.withDeadLetters(
    configuration,
    terminalLog(terminal),
    async (letters) => {
      if (options.all === true) {
        const request = { filter: filterOf(options), after: null, limit: options.limit }
        const counts = await letters.replayAll(request, how, (soFar) => {
          if (soFar.next !== null) terminal.err(countsText(soFar, options))
        })
        for (const { id, message } of counts.refusals) terminal.err(`refused   ${id}  ${message}`)
        terminal.out(options.json === true ? JSON.stringify(counts) : countsText(counts, options))
        return counts.refused > 0 ? EXIT.failure : EXIT.ok
      }
      let refused = 0
      for (const id of ids) {
        const result = await letters.replay(id, how)
        if (result.outcome === 'refused') refused += 1
        terminal.out(
          options.json === true ? JSON.stringify({ id, ...result }) : replayText(id, result),
        )
      }
      return refused > 0 ? EXIT.failure : EXIT.ok
    },
  )
}

function filterOf(options: FilterOptions): DeadLetterFilter {
  const { handler, protocol, subscription, reason, tenant, from, to } = options
  return { handler, protocol, subscription, deadReason: reason, tenantId: tenant, from, to }
}

function line(letter: DeadLetter & { readonly replayedAs: string | undefined }): string {
  const { id, createdAt, deadReason, handler, subscription, error, replayedAs } = letter
  const from = subscription === null ? '' : ` (${subscription})`
  const again = replayedAs === undefined ? '' : ` [replayed as ${replayedAs}]`
  const why = error === null ? '' : `  ${error.replaceAll(/\s+/g, ' ').slice(0, 100)}`
  return `${id}  ${createdAt.toISOString()}  ${deadReason}  ${handler}${from}${again}${why}`
}

function replayText(id: string, replayed: Replay): string {
  switch (replayed.outcome) {
    case 'replayed':
      return `replayed  ${id} as ${replayed.jobId}${replayed.jobs > 1 ? `, and ${replayed.jobs - 1} more rows` : ''}`
    case 'replayable':
      return `would be  ${id} replayed as ${replayed.jobs} rows`
    case 'refused':
      return [
        `refused   ${id}  ${replayed.message}`,
        ...(replayed.problems ?? []).map(
          ({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`,
        ),
      ].join('\n')
  }
}

function countsText(counts: ReplayCounts, { dryRun }: ReplayOptions): string {
  const done = dryRun === true ? 'would be replayed' : 'replayed'
  return `${counts.replayed} ${done}, ${counts.refused} refused, ${counts.alreadyReplayed} replayed before`
}

function time(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime()) || !/(?:Z|[+-]\d\d:?\d\d)$/.test(text)) {
    throw new InvalidArgumentError(
      'Write a time with Z or an offset, such as 2030-01-31T12:00:00Z.',
    )
  }
  return date
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('Write a number from 1 on.')
  return number
}
