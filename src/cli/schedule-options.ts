import { type Command, Option } from 'commander'
import { MISFIRE_POLICIES, OVERLAP_POLICIES } from '../domain/schedule.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'

/** What `schedules add` and `schedules change` take. */
export interface ScheduleOptions {
  readonly handler?: string
  readonly cron?: string
  readonly every?: string
  readonly timezone?: string
  readonly payload?: string
  readonly queue?: string
  readonly condition?: string
  readonly misfire?: string
  readonly overlap?: string
  readonly jitter?: string
  readonly priority?: string
  readonly maxRetries?: string
  readonly timeout?: string
  readonly maxExecutions?: string
  readonly tenant?: string
  readonly description?: string
}

/** Adds the options of a schedule's settings to a command. */
export function scheduleOptions(command: Command, { isNew }: { readonly isNew: boolean }): Command {
  const handler = new Option('--handler <name>', 'the handler of its jobs')
  return command
    .addOption(isNew ? handler.makeOptionMandatory() : handler)
    .option('--cron <expression>', 'when, such as "0 8 * * *"')
    .option('--every <seconds>', 'when, instead of --cron')
    .option('--timezone <name>', 'of --cron, such as Europe/Berlin')
    .option('--payload <json>', 'what its jobs are given')
    .option('--queue <name>', 'of its jobs')
    .option('--condition <sql>', 'SQL that must hold')
    .addOption(new Option('--misfire <policy>', 'of missed ticks').choices(MISFIRE_POLICIES))
    .addOption(new Option('--overlap <policy>', 'while a job runs').choices(OVERLAP_POLICIES))
    .option('--jitter <seconds>', 'begin up to so much later')
    .option('--priority <n>', 'of its jobs')
    .option('--max-retries <n>', 'of its jobs')
    .option('--timeout <seconds>', 'of its jobs')
    .option('--max-executions <n>', '0: no limit')
    .option('--tenant <id>', 'of its jobs')
    .option('--description <text>', 'for people')
}

/** The settings that were given. `--cron` takes the place of an interval, and `--every` that of an expression. */
export function settingsOf(options: ScheduleOptions): Partial<ScheduleSettings> {
  const { cron, every } = options
  const given: Partial<Record<keyof ScheduleSettings, string | number | null | undefined>> = {
    handler: options.handler,
    ...(cron !== undefined && { cronExpression: cron, intervalSeconds: null }),
    ...(every !== undefined && { intervalSeconds: whole(every, '--every') }),
    ...(every !== undefined && cron === undefined && { cronExpression: null }),
    timeZone: options.timezone,
    payload: options.payload,
    queue: options.queue,
    condition: options.condition === '' ? null : options.condition,
    misfirePolicy: options.misfire,
    overlapPolicy: options.overlap,
    jitterSeconds: whole(options.jitter, '--jitter'),
    priority: whole(options.priority, '--priority'),
    maxRetries: whole(options.maxRetries, '--max-retries'),
    timeoutSeconds: whole(options.timeout, '--timeout'),
    maxExecutions: whole(options.maxExecutions, '--max-executions'),
    tenantId: options.tenant,
    description: options.description,
  }
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known)
}

function whole(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  if (/^-?\d{1,9}$/.test(text)) return Number(text)
  throw new CrossdockError('usage', `${option} '${text}' is no whole number`)
}
