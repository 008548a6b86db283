import { v7 } from 'uuid'
import type { Configuration } from '../config/configuration.ts'
import { previewJson, scheduleJson } from '../http/schedule-json.ts'
import type { Log } from '../ports/log.ts'
import type { ScheduleOperations } from '../ports/schedule-operations.ts'
import { createScheduleOperations } from '../scheduler/operations.ts'
import { openPayloadTemplates } from './mappings.ts'
import { openDatabase } from './open-database.ts'
import { openStore, storeAddress } from './open-store.ts'

/** What a command does with schedules, and how they are shown. */
export interface ScheduleDesk {
  readonly operations: ScheduleOperations
  readonly scheduleJson: typeof scheduleJson
  readonly previewJson: typeof previewJson
}

/** Opens the configured database for a command, and closes it again. Running instances see what it changed. */
export async function withSchedules<T>(
  configuration: Configuration,
  log: Log,
  work: (desk: ScheduleDesk) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(configuration, log)
  const store = await openStore(storeAddress(database, configuration), 1, log)
  const templates = openPayloadTemplates(log)
  let queues: readonly string[] = []
  try {
    const operations = createScheduleOperations({
      book: store.scheduleBook,
      templates,
      wakeUps: {
        ready: (some) => {
          queues = [...queues, ...some]
        },
        turns: () => undefined,
      },
      makeId: v7,
      onChanged: () => undefined,
    })
    const result = await work({ operations, scheduleJson, previewJson })
    // Where nobody can be told they find it by themselves.
    if (queues.length > 0) {
      await store.announce({ queues, schedules: false }).catch(() => undefined)
    }
    return result
  } finally {
    await templates.stop()
    await store.close()
    await database.close()
  }
}
