import { isCrossdockError } from '../domain/errors.ts'
import type { MakeId } from '../ports/clock.ts'
import type { PayloadTemplates } from '../ports/conditions.ts'
import {
  SCHEDULE_DEFAULTS,
  type ScheduleBook,
  type ScheduleSettings,
  type StoredSchedule,
} from '../ports/schedule-book.ts'
import type { ScheduleOperations, ScheduleOutcome } from '../ports/schedule-operations.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { MAX_PREVIEWED, previewSchedule, settingsProblem, ticksWithin } from './preview.ts'

/** What {@link createScheduleOperations} needs. */
export interface ScheduleOperationsOptions {
  readonly book: ScheduleBook
  readonly templates: PayloadTemplates
  readonly wakeUps: Pick<WakeUps, 'ready' | 'turns'>
  readonly makeId: MakeId
  /** Told that a schedule has come, changed or gone. */
  readonly onChanged: () => void
}

/** What people do with schedules. Refuses what could not run, before it is written. */
export function createScheduleOperations(options: ScheduleOperationsOptions): ScheduleOperations {
  const { book, templates, wakeUps, makeId, onChanged } = options

  async function stored(id: string): Promise<ScheduleOutcome<StoredSchedule>> {
    onChanged()
    const value = await book.find(id)
    return value === undefined ? { kind: 'not_found' } : { kind: 'done', value }
  }

  /** Makes jobs of ticks, a commit for each hundred. */
  async function makeJobs(
    schedule: StoredSchedule,
    ticks: readonly number[],
  ): Promise<ScheduleOutcome<{ readonly jobIds: readonly string[]; readonly existing: number }>> {
    const { id, name, payload, executionCount, timeZone } = schedule
    const now = await book.now()
    const jobIds: string[] = []
    let existing = 0
    for (let from = 0; from < ticks.length; from += AT_ONCE) {
      const jobs = []
      for (const tick of ticks.slice(from, from + AT_ONCE)) {
        const facts = { id, name, executions: executionCount, timezone: timeZone }
        const rendered =
          payload?.includes('{{') === true
            ? await templates
                .render(payload, { scheduledFor: tick, now, schedule: facts })
                .catch(invalidPayload)
            : undefined
        if (typeof rendered === 'object') return rendered
        jobs.push({ jobId: makeId(), tick, payload: rendered })
      }
      const made = await book.makeJobs({ id, jobs })
      if (made === undefined) return { kind: 'not_found' }
      jobIds.push(...made.ids)
      existing += made.existing
      wakeUps.ready([made.queue])
      wakeUps.turns(made.turns)
    }
    return { kind: 'done', value: { jobIds, existing } }
  }

  return {
    list: (request) => book.list(request),
    find: (idOrName) => book.find(idOrName),
    create: async (given, createdBy) => {
      const settings: ScheduleSettings = { ...SCHEDULE_DEFAULTS, ...given }
      const problem = settingsProblem(settings)
      if (problem !== undefined) return { kind: 'invalid', problem }
      const id = makeId()
      try {
        await book.create({ id, settings, createdBy })
      } catch (error) {
        if (isCrossdockError(error, 'database_constraint')) return { kind: 'taken' }
        throw error
      }
      return await stored(id)
    },
    change: async ({ idOrName, version = null }, settings) => {
      const found = await book.find(idOrName)
      if (found === undefined) return { kind: 'not_found' }
      const isPause = Object.keys(settings).every((name) => name === 'enabled')
      const problem = isPause ? undefined : settingsProblem({ ...found, ...settings })
      if (problem !== undefined) return { kind: 'invalid', problem }
      try {
        const outcome = await book.change({ id: found.id, version, settings })
        return outcome === 'done' ? await stored(found.id) : { kind: outcome }
      } catch (error) {
        if (isCrossdockError(error, 'database_constraint')) return { kind: 'taken' }
        throw error
      }
    },
    remove: async ({ idOrName, version = null }) => {
      const found = await book.find(idOrName)
      if (found === undefined) return { kind: 'not_found' }
      const outcome = await book.remove({ id: found.id, version })
      onChanged()
      return outcome === 'done' ? { kind: 'done', value: undefined } : { kind: outcome }
    },
    run: async (idOrName) => {
      const found = await book.find(idOrName)
      if (found === undefined) return { kind: 'not_found' }
      // Never a whole second: those are ticks.
      const now = await book.now()
      const outcome = await makeJobs(found, [now % 1000 === 0 ? now + 1 : now])
      if (outcome.kind !== 'done') return outcome
      const [jobId] = outcome.value.jobIds
      return jobId === undefined ? { kind: 'stale' } : { kind: 'done', value: { jobId } }
    },
    preview: async (idOrName, count) => {
      const found = await book.find(idOrName)
      if (found === undefined) return { kind: 'not_found' }
      return { kind: 'done', value: previewSchedule(found, { now: await book.now(), count }) }
    },
    backfill: async (idOrName, { from, to }) => {
      const found = await book.find(idOrName)
      if (found === undefined) return { kind: 'not_found' }
      if (to < from) return { kind: 'invalid', problem: 'the window ends before it begins' }
      if (to > (await book.now())) {
        return {
          kind: 'invalid',
          problem: 'the window reaches into the future: those ticks fire by themselves',
        }
      }
      const within = ticksWithin(found, { from, to, limit: MAX_PREVIEWED })
      if ('problem' in within) return { kind: 'invalid', problem: within.problem }
      if (within.ticks.length > MAX_PREVIEWED) {
        return {
          kind: 'invalid',
          problem: `the window holds more than ${MAX_PREVIEWED} ticks: take a shorter one`,
        }
      }
      return await makeJobs(found, within.ticks)
    },
  }
}

/** Jobs of one commit. */
const AT_ONCE = 100

function invalidPayload(error: unknown): { readonly kind: 'invalid'; readonly problem: string } {
  if (isCrossdockError(error, 'input_invalid')) {
    return { kind: 'invalid', problem: `its payload cannot be made: ${error.message}` }
  }
  throw error
}
