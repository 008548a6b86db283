import { vi } from 'vitest'
import type { CrossdockError } from '../../../src/domain/errors.ts'
import type {
  DuePage,
  DueSchedule,
  SchedulePlan,
  ScheduleStore,
  TickToFire,
} from '../../../src/ports/schedule-store.ts'
import { createScheduler } from '../../../src/scheduler/scheduler.ts'
import { silentLog } from '../ingest/fake-store.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { NOW, schedule } from './due-schedule.ts'

/** Schedules in memory: what was fired or written is not due any more. */
export function setUp(due: DueSchedule[] = []) {
  const clock = manualClock()
  const seen = { looks: 0, batches: [] as string[][], plans: [] as SchedulePlan[], reopened: 0 }
  const behaviour: {
    nextDueInMs: number | null
    /** Of a look, or of one batch. */
    error: (ids: readonly string[]) => CrossdockError | undefined
    locked: ReadonlySet<string>
    gate: Promise<void> | undefined
    reopen: () => CrossdockError | undefined
    random: number
  } = {
    nextDueInMs: null,
    error: () => undefined,
    locked: new Set(),
    gate: undefined,
    reopen: () => undefined,
    random: 0.999,
  }

  function take(ids: readonly string[]): readonly string[] {
    const error = behaviour.error(ids)
    if (error !== undefined) throw error
    const moved = ids.filter((id) => !behaviour.locked.has(id))
    for (const id of moved) {
      due.splice(
        due.findIndex((each) => each.id === id),
        1,
      )
    }
    return moved
  }

  const schedules: ScheduleStore = {
    due: async ({ limit, after }): Promise<DuePage> => {
      seen.looks += 1
      const error = behaviour.error([])
      if (error !== undefined) throw error
      const behind = due.filter(({ id }) => after === null || id > after.id)
      return { now: NOW, schedules: behind.slice(0, limit), nextDueInMs: behaviour.nextDueInMs }
    },
    placeAhead: async ({ after, count }) => {
      const place = due.filter(({ id }) => id > after.id)[count - 1]
      return place === undefined ? null : { id: place.id, nextRunAt: place.version.nextRunAt }
    },
    fire: async (ticks: readonly TickToFire[]) => {
      const ids = ticks.map(({ schedule: { id } }) => id)
      seen.batches.push(ids)
      await behaviour.gate
      const moved = take(ids)
      return {
        moved,
        jobs: moved.length,
        queues: moved.length > 0 ? ['q'] : [],
        turns: [],
        overlapped: [],
      }
    },
    plan: async (plans) => {
      seen.plans.push(...plans)
      return take(plans.map(({ schedule: { id } }) => id))
    },
    reopen: async () => {
      seen.reopened += 1
      const error = behaviour.reopen()
      if (error !== undefined) throw error
    },
    overview: async () => ({ nextRunAt: null, inError: [] }),
  }
  let change: (() => void) | undefined
  const ready = vi.fn<(queues: readonly string[]) => void>()
  const scheduler = createScheduler({
    store: { schedules },
    wakeUps: {
      ready,
      turns: () => undefined,
      onSchedules: (listener) => {
        change = listener
        return () => (change = undefined)
      },
    },
    clock,
    log: silentLog,
    checkIntervalMs: 60_000,
    random: () => behaviour.random,
    conditions: 'no login',
    templates: { render: async (text) => text },
  })
  return { clock, seen, behaviour, due, ready, scheduler, changed: () => change?.() }
}

/** A schedule that is due now. */
export const dueAt = (id: string): DueSchedule => schedule({}, { id, dueAt: NOW })
/** Names of so many, in order. */
export const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `s${String(number).padStart(4, '0')}`)
