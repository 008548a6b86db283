import type { Configuration } from '../config/configuration.ts'
import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import {
  type Declaration,
  SCHEDULE_DEFAULTS,
  type ScheduleSettings,
} from '../ports/schedule-book.ts'
import type { Store } from '../ports/store.ts'
import { settingsProblem } from '../scheduler/preview.ts'

/** Who declares, as `createdby` of the schedules has it. */
const FILE = 'configuration'
const CODE = 'handlers'

/** Another instance is declaring, or somebody has a row locked: so often it is tried again. */
const TRIES = 40
const PAUSE_MS = 250

/**
 * Writes the schedules of the configuration and of the handlers into `jobs`. What the file does not have any more is
 * switched off; what a handler does not have is left, since another instance may have it.
 * @throws CrossdockError `config_invalid`, `handler_invalid`
 */
export async function declareSchedules(options: {
  readonly store: Pick<Store, 'scheduleBook'>
  readonly configuration: Configuration
  readonly handlers: HandlerRegistry
  readonly clock: Clock
  readonly log: Log
}): Promise<void> {
  const { configuration, handlers, log } = options
  const ofCode = handlers.names().flatMap((name) => handlerSchedule(handlers.get(name)))
  check(configuration.schedules, 'config_invalid', 'schedules of the configuration')
  check(ofCode, 'handler_invalid', 'schedules of handlers')
  const declarations: Declaration[] = [
    { source: FILE, schedules: configuration.schedules, disableOthers: true },
    ...(ofCode.length === 0 ? [] : [{ source: CODE, schedules: ofCode, disableOthers: false }]),
  ]
  for (const declaration of declarations) {
    const report = await declare(options, declaration)
    const { made, changed, disabled, leftAlone } = report
    if (made.length + changed.length + disabled.length > 0) {
      log.info({ source: declaration.source, made, changed, disabled }, 'schedules were declared')
    }
    if (leftAlone.length > 0) {
      log.warn(
        { source: declaration.source, schedules: leftAlone },
        'declared schedules are left as they are: their rows are of others, or were deleted by hand',
      )
    }
  }
}

async function declare(
  { store, clock }: Parameters<typeof declareSchedules>[0],
  declaration: Declaration,
) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await store.scheduleBook.declare(declaration)
    } catch (error) {
      const mayPass =
        isCrossdockError(error, 'database_locked') || isCrossdockError(error, 'database_retryable')
      if (!mayPass || left === 0) throw error
      await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve))
    }
  }
}

function check(
  schedules: readonly ScheduleSettings[],
  code: 'config_invalid' | 'handler_invalid',
  where: string,
): void {
  const names = new Set<string>()
  const problems = schedules.flatMap((settings) => {
    const { name } = settings
    const twice = names.has(name) ? [`'${name}' is there twice: each name is used once`] : []
    names.add(name)
    const problem = settingsProblem(settings)
    return problem === undefined ? twice : [...twice, `'${name}': ${problem}`]
  })
  if (problems.length > 0) {
    throw new CrossdockError(code, `The ${where} are wrong: ${problems.join('; ')}.`)
  }
}

function handlerSchedule(handler: Handler | undefined): readonly ScheduleSettings[] {
  if (handler?.schedule === undefined) return []
  const given = handler.schedule
  return [
    {
      ...SCHEDULE_DEFAULTS,
      name: given.name ?? handler.name,
      description: given.description ?? null,
      handler: handler.name,
      cronExpression: given.cron ?? null,
      intervalSeconds: given.everySeconds ?? null,
      timeZone: given.timezone ?? SCHEDULE_DEFAULTS.timeZone,
      startAt: given.startAt?.getTime() ?? null,
      endAt: given.endAt?.getTime() ?? null,
      maxExecutions: given.maxExecutions ?? 0,
      enabled: given.enabled ?? true,
      condition: given.condition ?? null,
      priority: handler.priority ?? 0,
      queue: handler.queue ?? SCHEDULE_DEFAULTS.queue,
      payload: given.payload === undefined ? null : JSON.stringify(given.payload),
      misfirePolicy: given.misfire ?? SCHEDULE_DEFAULTS.misfirePolicy,
      overlapPolicy: given.overlap ?? SCHEDULE_DEFAULTS.overlapPolicy,
      jitterSeconds: given.jitterSeconds ?? 0,
      tenantId: given.tenantId ?? null,
    },
  ]
}
