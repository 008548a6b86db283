import type { GroupCommit } from '../ingest/group-commit.ts'
import type { HealthCheck } from '../observe/health.ts'
import type { Publications } from '../outbound/publications.ts'
import type { Store } from '../ports/store.ts'
import type { Workers } from '../worker/workers.ts'
import type { ComponentHealth } from '../ports/health.ts'
import type { Scheduler, SchedulerStatistics } from '../scheduler/scheduler.ts'

/** Looks of the scheduler that have failed in a row, until health says so. One may be a restart of the database. */
const FAILURES_THAT_COUNT = 3

/** What health looks at, component by component; a cache has a check of its own. */
export function healthChecks(parts: {
  readonly store: Pick<Store, 'ping'>
  readonly commit: Pick<GroupCommit, 'healthy' | 'waiting'>
  /** Left out: this instance runs nothing. */
  readonly workers: Pick<Workers, 'health'> | undefined
  /** Left out: this instance fires no schedules. */
  readonly scheduler: Pick<Scheduler, 'statistics'> | undefined
  readonly publications: Pick<Publications, 'all' | 'health'>
}): Readonly<Record<string, HealthCheck>> {
  const { store, commit, workers, scheduler, publications } = parts
  return {
    database: async () => {
      const { version, latencyMs } = await store.ping()
      return { status: 'ok', facts: { version, latencyMs: Math.round(latencyMs * 10) / 10 } }
    },
    ingest: () =>
      commit.healthy()
        ? { status: 'ok', facts: { waiting: commit.waiting() } }
        : { status: 'degraded', detail: 'messages wait for the database' },
    ...(publications.all.length > 0 && { publications: () => publications.health() }),
    ...(workers !== undefined && { leases: () => workers.health() }),
    ...(scheduler !== undefined && {
      scheduler: () => schedulerHealth(scheduler.statistics()),
    }),
  }
}

function schedulerHealth({ failures, heldOff }: SchedulerStatistics): ComponentHealth {
  if (failures >= FAILURES_THAT_COUNT) {
    return { status: 'degraded', detail: 'schedules wait for the database' }
  }
  if (heldOff === 0) return { status: 'ok' }
  return {
    status: 'degraded',
    detail: `the database does not take the jobs of ${heldOff} schedules; the log says why`,
  }
}
