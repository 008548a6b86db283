import { systemClock } from '../../../src/app/system-clock.ts'
import { openPayloadTemplates } from '../../../src/app/mappings.ts'
import type { Conditions } from '../../../src/ports/conditions.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createScheduler, type Scheduler } from '../../../src/scheduler/scheduler.ts'
import { startWakeUps } from '../../../src/worker/wake-ups.ts'
import { recordingLog, type LoggedLine } from '../worker/recording-log.ts'

/** A scheduler on a store of its own. */
export interface RunningScheduler {
  readonly scheduler: Scheduler
  readonly logged: readonly LoggedLine[]
  /** As a shutdown does it. */
  stop(): Promise<void>
}

/** Starts a scheduler as an instance does; its store is closed when it is stopped. */
export async function startScheduler(
  store: Store,
  options: {
    readonly checkIntervalMs: number
    readonly conditions?: Conditions | undefined
    readonly hasHandler?: (name: string) => boolean
  },
): Promise<RunningScheduler> {
  const log = recordingLog()
  const wakeUps = await startWakeUps({ channels: [store], clock: systemClock, log })
  const templates = openPayloadTemplates(log)
  const scheduler = createScheduler({
    store,
    wakeUps,
    clock: systemClock,
    log,
    checkIntervalMs: options.checkIntervalMs,
    random: Math.random,
    conditions: options.conditions ?? 'no login for conditions',
    templates,
    hasHandler: options.hasHandler,
  })
  scheduler.start()
  return {
    scheduler,
    logged: log.lines,
    stop: async () => {
      await scheduler.stop()
      await templates.stop()
      await wakeUps.stop()
      await store.close()
    },
  }
}
