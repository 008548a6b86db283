import { hasCondition, type ScheduleDefinition } from '../domain/schedule.ts'
import { ticksBetween } from '../domain/ticks.ts'
import type { ScheduleSettings, StoredSchedule } from '../ports/schedule-book.ts'
import type { PreviewedTick, SchedulePreview } from '../ports/schedule-operations.ts'
import { readCron } from './cron/expression.ts'
import { zoneOf } from './cron/zone.ts'
import { ticksOf } from './ticks-of.ts'

/** The most ticks of one preview, and of one backfill. */
export const MAX_PREVIEWED = 1_000

/** The next ticks of a schedule after `now`, by its row alone. Pure. */
export function previewSchedule(
  schedule: StoredSchedule,
  { now, count }: { readonly now: number; readonly count: number },
): SchedulePreview {
  const definition = definitionOf(schedule, schedule)
  const { timeZone } = definition
  const found = ticksOf(schedule.id, definition)
  if ('problem' in found) return { timeZone, ticks: [], reasons: [found.problem] }
  const { maxExecutions, executionCount } = definition
  const room = maxExecutions === 0 ? Infinity : Math.max(0, maxExecutions - executionCount)
  const bounded = ticksBetween(found.ticks, definition)
  const ticks: PreviewedTick[] = []
  const most = Math.min(count, room, MAX_PREVIEWED)
  for (
    let at = bounded.after(now);
    at !== undefined && ticks.length < most;
    at = bounded.after(at)
  ) {
    ticks.push(previewed(definition, schedule.id, at))
  }
  return { timeZone, ticks, reasons: reasonsOf(schedule, ticks.length < count, room) }
}

/** The ticks of a window, both ends included, at most `limit` and one more: then there are too many. */
export function ticksWithin(
  schedule: StoredSchedule,
  { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
): { readonly ticks: readonly number[] } | { readonly problem: string } {
  const definition = definitionOf(schedule, schedule)
  const found = ticksOf(schedule.id, definition)
  if ('problem' in found) return found
  const bounded = ticksBetween(found.ticks, definition)
  const ticks: number[] = []
  for (let at = bounded.after(from - 1); at !== undefined && at <= to; at = bounded.after(at)) {
    ticks.push(at)
    if (ticks.length > limit) break
  }
  return { ticks }
}

/** What is wrong with settings, in one sentence; `undefined`: a schedule of them would run. */
export function settingsProblem(settings: ScheduleSettings): string | undefined {
  const found = ticksOf('preview', definitionOf(settings, { createdAt: 0, executionCount: 0 }))
  if ('problem' in found) return found.problem
  return settings.handler === '' ? 'handler is empty: give the name of a handler' : undefined
}

function definitionOf(
  settings: ScheduleSettings,
  { createdAt, executionCount }: Pick<ScheduleDefinition, 'createdAt' | 'executionCount'>,
): ScheduleDefinition {
  return { ...settings, createdAt, executionCount }
}

function previewed(definition: ScheduleDefinition, id: string, at: number): PreviewedTick {
  const { cronExpression, timeZone } = definition
  const zoneName = cronExpression === null ? 'UTC' : timeZone
  const { offset, offsetBefore, from } = zoneOf(zoneName).stretchAt(at)
  const minutes = Math.abs(offset) / 60_000
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  const distance = `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
  const local = new Date(at + offset)
    .toISOString()
    .replace('.000Z', distance)
    .replace('Z', distance)
  if (cronExpression === null) return { at, local }
  const walls = readCron(cronExpression, id)
  if ('problem' in walls || walls.atOrAfter(at + offset) === at + offset) return { at, local }
  const reason =
    at === from && offset > offsetBefore
      ? 'the clock is put forward over its time: it fires right after the gap'
      : 'somebody wrote this time'
  return { at, local, reason }
}

function reasonsOf(schedule: StoredSchedule, isShort: boolean, room: number): readonly string[] {
  const { overlapPolicy, jitterSeconds, maxExecutions, lastError } = schedule
  const said = (is: boolean, text: string): readonly string[] => (is ? [text] : [])
  return [
    ...said(!schedule.enabled, 'it is paused (enabled is false): none of them fires'),
    ...said(!schedule.active, 'it is inactive (active is false): none of them fires'),
    ...said(hasCondition(schedule), 'each fires only if its condition holds then'),
    ...said(overlapPolicy === 'skip', 'a tick makes no job while the job before has not ended'),
    ...said(
      overlapPolicy === 'queue',
      'a tick waits while the job before has not ended, one at most',
    ),
    ...said(jitterSeconds > 0, `jobs begin up to ${jitterSeconds} s after their tick`),
    ...said(maxExecutions > 0, `${room} of its ${maxExecutions} executions are left`),
    ...said(isShort && schedule.endAt !== null, `it ends at ${isoOf(schedule.endAt)}`),
    ...said(lastError !== null, `its last error: ${lastError ?? ''}`),
  ]
}

function isoOf(instant: number | null): string {
  return instant === null ? '' : new Date(instant).toISOString()
}
