import type { StoredSchedule } from '../ports/schedule-book.ts'
import type { SchedulePreview } from '../ports/schedule-operations.ts'

/** A schedule as the API and the commands show it. */
export function scheduleJson(schedule: StoredSchedule): Readonly<Record<string, unknown>> {
  return {
    id: schedule.id,
    name: schedule.name,
    description: schedule.description,
    handler: schedule.handler,
    cron: schedule.cronExpression,
    interval_seconds: schedule.intervalSeconds,
    timezone: schedule.timeZone,
    // Text: a template need be no JSON before it is filled in.
    payload_text: schedule.payload,
    queue: schedule.queue,
    condition: schedule.condition,
    misfire: schedule.misfirePolicy,
    overlap: schedule.overlapPolicy,
    jitter_seconds: schedule.jitterSeconds,
    enabled: schedule.enabled,
    priority: schedule.priority,
    max_retries: schedule.maxRetries,
    timeout: schedule.timeoutSeconds,
    max_executions: schedule.maxExecutions,
    execution_count: schedule.executionCount,
    start_at: time(schedule.startAt),
    end_at: time(schedule.endAt),
    tenant_id: schedule.tenantId,
    last_run_at: time(schedule.lastRunAt),
    next_run_at: time(schedule.nextRunAt),
    error: schedule.lastError,
    active: schedule.active,
    created_by: schedule.createdBy,
    created_at: time(schedule.createdAt),
    modified_at: time(schedule.modifiedAt),
  }
}

/** A preview, likewise. */
export function previewJson({ timeZone, ticks, reasons }: SchedulePreview): object {
  return {
    timezone: timeZone,
    ticks: ticks.map(({ at, local, reason }) => ({
      at: new Date(at).toISOString(),
      local,
      ...(reason !== undefined && { reason }),
    })),
    reasons,
  }
}

function time(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}
