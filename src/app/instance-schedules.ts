import type { Configuration } from '../config/configuration.ts'
import { isLoopback } from '../domain/loopback.ts'
import type { HttpResource } from '../http/resource.ts'
import { createSchedulesResource } from '../http/schedules.ts'
import type { Clock, MakeId } from '../ports/clock.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { createScheduleOperations } from '../scheduler/operations.ts'
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts'
import { declareSchedules } from './declare-schedules.ts'
import { openPayloadTemplates } from './mappings.ts'
import { openConditions } from './open-conditions.ts'
import type { OpenDatabase } from './open-database.ts'
import type { Part } from './start-options.ts'

/** What an instance has to do with schedules. */
export interface InstanceSchedules {
  /** Left out: this instance fires none. Not started yet. */
  readonly scheduler: Scheduler | undefined
  /** `/api/schedules`. */
  readonly resource: HttpResource
  /** Ends what it started, and the scheduler. May be called twice. */
  stop(): Promise<void>
}

/**
 * Writes what is declared into `jobs`, and makes the scheduler and the API of schedules.
 * @throws CrossdockError `config_invalid`, `handler_invalid`, of the store
 */
export async function createInstanceSchedules(options: {
  readonly configuration: Configuration
  readonly parts: ReadonlySet<Part>
  readonly database: OpenDatabase
  readonly store: Store
  readonly handlers: HandlerRegistry
  readonly wakeUps: WakeUps
  readonly clock: Clock
  readonly makeId: MakeId
  readonly random: () => number
  readonly log: Log
}): Promise<InstanceSchedules> {
  const { configuration, parts, database, store, handlers, wakeUps, makeId, log } = options
  const fires = parts.has('scheduler')
  if (fires) await declareSchedules(options)
  const templates = openPayloadTemplates(log)
  const scheduler = fires
    ? createScheduler({
        ...options,
        checkIntervalMs: configuration.jobs.schedulerCheckIntervalMs,
        conditions: await openConditions(database, configuration),
        templates,
        hasHandler: parts.has('worker') ? (name) => handlers.get(name) !== undefined : undefined,
      })
    : undefined
  return {
    scheduler,
    resource: createSchedulesResource({
      operations: createScheduleOperations({
        book: store.scheduleBook,
        templates,
        wakeUps,
        makeId,
        onChanged: () => scheduler?.wake(),
      }),
      mayWriteConditions: isLoopback(configuration.http.host),
    }),
    stop: async () => {
      await scheduler?.stop()
      await templates.stop()
    },
  }
}
