import { type Command, Option } from 'commander'
import { CrossdockError } from '../domain/errors.ts'
import type { ScheduleSettings, StoredSchedule } from '../ports/schedule-book.ts'
import type { ScheduleOutcome } from '../ports/schedule-operations.ts'
import type { ScheduleDesk } from './application.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { scheduleOptions, settingsOf, type ScheduleOptions } from './schedule-options.ts'
import { schedulesOverHttp } from './schedules-over-http.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

/** The options of all of them. */
interface GivenOptions extends ConfigurationOption, ScheduleOptions {
  readonly json?: boolean
  readonly url?: string
  readonly count?: string
  readonly from?: string
  readonly to?: string
}

/** The most that the API gives at once. */
const PAGE = 100

/** `crossdock schedules`: what people do with the rows of `jobs`. */
export const schedulesCommand: AddCommand = (program, terminal, finish) => {
  const group = program
    .command('schedules')
    .summary('list, make, change, preview and run schedules')
    .description(
      'Works on the table jobs of the configured database, or over HTTP with --url. Running instances see what was changed.',
    )
    .addHelpText(
      'after',
      `
Examples:
  crossdock schedules list
  crossdock schedules add nightly --cron "0 3 * * *" --handler reports.daily
  crossdock schedules run nightly --url http://127.0.0.1:8080`,
    )

  /** A subcommand whose action gives what is printed. */
  function add(
    usage: string,
    summary: string,
    act: (
      desk: ScheduleDesk,
      given: string,
      options: GivenOptions,
    ) => Promise<readonly [string, unknown]>,
    more: (command: Command) => Command = (command) => command,
  ): void {
    const command = group
      .command(usage)
      .description(summary)
      .option('--json', 'JSON')
      .addOption(configurationOption())
      .option('--url <url>', 'ask a running instance instead')
    more(command).action(async (...given: unknown[]) => {
      // Commander gives the argument, if there is one, then the options.
      const [name, options] = usage.includes('<') ? given : ['', given[0]]
      await print(terminal, options as GivenOptions, (desk) =>
        act(desk, String(name), options as GivenOptions),
      )
      finish(EXIT.ok)
    })
  }

  add('list', 'list the schedules', async ({ operations, scheduleJson }) => {
    const all: StoredSchedule[] = []
    for (let after: string | null = null; ;) {
      const page: readonly StoredSchedule[] = await operations.list({ after, limit: PAGE })
      all.push(...page)
      if (page.length < PAGE) break
      after = page.at(-1)?.id ?? null
    }
    const text = all.length === 0 ? 'there are no schedules' : all.map(line).join('\n')
    return [text, all.map(scheduleJson)]
  })
  add(
    'preview <schedule>',
    'show the ticks to come, and what keeps them from firing',
    async ({ operations, previewJson }, given, { count = '10' }) => {
      const preview = valueOf(await operations.preview(given, Number(count)), given)
      const ticks = preview.ticks.map(
        ({ at, local, reason }) =>
          `${new Date(at).toISOString()}  ${local}${reason === undefined ? '' : `  ${reason}`}`,
      )
      const text = [`time zone ${preview.timeZone}`, ...ticks, ...preview.reasons].join('\n')
      return [text, previewJson(preview)]
    },
    (command) =>
      command.addOption(
        new Option('-n, --count <n>', 'how many').default('10').argParser(wholeNumber),
      ),
  )
  add(
    'add <name>',
    'make a schedule',
    async (desk, name, options) => {
      const { handler = '' } = options
      const settings = { ...settingsOf(options), name, handler }
      return shown(desk, valueOf(await desk.operations.create(settings, 'cli'), name), 'made')
    },
    (command) => scheduleOptions(command, { isNew: true }),
  )
  add(
    'change <schedule>',
    'change what is given',
    async (desk, given, options) => change(desk, given, settingsOf(options), 'changed'),
    (command) => scheduleOptions(command, { isNew: false }),
  )
  add('pause <schedule>', 'let it fire no more', (desk, given) =>
    change(desk, given, { enabled: false }, 'paused'),
  )
  add('resume <schedule>', 'let it fire again', (desk, given) =>
    change(desk, given, { enabled: true }, 'resumed'),
  )
  add('remove <schedule>', 'delete it; its jobs stay', async ({ operations }, given) => {
    valueOf(await operations.remove({ idOrName: given }), given)
    return [`removed ${given}`, { removed: given }]
  })
  add('run <schedule>', 'make a job of it now', async ({ operations }, given) => {
    const { jobId } = valueOf(await operations.run(given), given)
    return [`made job ${jobId}`, { job_id: jobId }]
  })
  add(
    'backfill <schedule>',
    'make the jobs of the ticks of a past window',
    async ({ operations }, given, { from = '', to = '' }) => {
      const window = { from: instant(from, '--from'), to: instant(to, '--to') }
      const { jobIds, existing } = valueOf(await operations.backfill(given, window), given)
      return [
        `made ${jobIds.length} jobs; ${existing} ticks had theirs`,
        { job_ids: jobIds, created: jobIds.length, existing },
      ]
    },
    (command) =>
      command
        .requiredOption('--from <time>', 'such as 2026-01-31T00:00:00Z')
        .requiredOption('--to <time>', 'the end, included'),
  )
}

async function print(
  terminal: Terminal,
  options: GivenOptions,
  act: (desk: ScheduleDesk) => Promise<readonly [string, unknown]>,
): Promise<void> {
  const [text, json] = await (options.url === undefined
    ? onDatabase(terminal, options, act)
    : act(schedulesOverHttp(options.url)))
  terminal.out(options.json === true ? JSON.stringify(json) : text)
}

async function onDatabase<T>(
  terminal: Terminal,
  options: GivenOptions,
  act: (desk: ScheduleDesk) => Promise<T>,
): Promise<T> {
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  return await application.withSchedules(configuration, terminalLog(terminal), act)
}

async function change(
  desk: ScheduleDesk,
  given: string,
  settings: Partial<ScheduleSettings>,
  word: string,
): Promise<readonly [string, unknown]> {
  return shown(
    desk,
    valueOf(await desk.operations.change({ idOrName: given }, settings), given),
    word,
  )
}

function shown(
  { scheduleJson }: ScheduleDesk,
  schedule: StoredSchedule,
  word: string,
): readonly [string, unknown] {
  return [`${word} ${line(schedule)}`, scheduleJson(schedule)]
}

function valueOf<Value>(outcome: ScheduleOutcome<Value>, given: string): Value {
  switch (outcome.kind) {
    case 'done':
      return outcome.value
    case 'not_found':
      throw new CrossdockError(
        'usage',
        `There is no schedule '${given}': \`crossdock schedules list\` shows them.`,
      )
    case 'taken':
      throw new CrossdockError('usage', `There is another schedule of this name: take another.`)
    case 'stale':
      throw new CrossdockError(
        'usage',
        `The schedule '${given}' is being changed by somebody: try again.`,
      )
    case 'invalid':
      throw new CrossdockError('usage', `The schedule '${given}': ${outcome.problem}.`)
  }
}

function line(schedule: StoredSchedule): string {
  const { name, handler, cronExpression, intervalSeconds, timeZone, lastError } = schedule
  const when = cronExpression ?? `every ${intervalSeconds ?? '?'} s`
  const zone = cronExpression === null || timeZone === 'UTC' ? '' : ` ${timeZone}`
  const next =
    schedule.nextRunAt === null ? '' : `, next ${new Date(schedule.nextRunAt).toISOString()}`
  const error = lastError === null ? '' : `, error: ${lastError}`
  return `${name}: ${handler}, ${when}${zone}${schedule.enabled ? next : ', paused'}${error}`
}

function wholeNumber(text: string): string {
  if (/^[1-9]\d{0,2}$/.test(text)) return text
  throw new CrossdockError('usage', `'${text}' is no whole number from 1 to 999`)
}

function instant(text: string, option: string): number {
  const at = /(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN
  if (!Number.isNaN(at)) return at
  throw new CrossdockError('usage', `${option} '${text}' is no time such as 2026-01-31T00:00:00Z`)
}
