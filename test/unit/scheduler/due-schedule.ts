import type { ScheduleDefinition } from '../../../src/domain/schedule.ts'
import type { DueSchedule } from '../../../src/ports/schedule-store.ts'

/** The database's clock of these tests. */
export const NOW = Date.parse('2026-11-22T10:00:00Z')

/** A schedule of every hour, made an hour before {@link NOW}; its next tick is to be computed. */
export function schedule(
  definition: Partial<ScheduleDefinition> = {},
  columns: Partial<DueSchedule> = {},
): DueSchedule {
  return {
    id: 's',
    name: 'name',
    handler: 'h',
    template: null,
    lastError: null,
    version: { nextRunAt: 'read', modifiedOn: 'read' },
    dueAt: null,
    changedAt: NOW - 3_600_000,
    definition: {
      cronExpression: 'intervalSeconds' in definition ? null : '0 * * * *',
      intervalSeconds: null,
      timeZone: 'UTC',
      startAt: null,
      endAt: null,
      createdAt: NOW - 3_600_000,
      maxExecutions: 0,
      executionCount: 0,
      condition: null,
      misfirePolicy: 'fire_once',
      overlapPolicy: 'allow',
      jitterSeconds: 0,
      ...definition,
    },
    ...columns,
  }
}
