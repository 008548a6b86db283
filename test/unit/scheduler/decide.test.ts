import { describe, expect, it } from 'vitest'
import type { ScheduleDefinition } from '../../../src/domain/schedule.ts'
import type { DueSchedule } from '../../../src/ports/schedule-store.ts'
import { decide } from '../../../src/scheduler/decide.ts'
import { NOW, schedule } from './due-schedule.ts'

const at = (time: string): number => Date.parse(`2026-11-22T${time}Z`)

/** What is decided, times as text. */
function decided(
  definition: Partial<ScheduleDefinition> = {},
  columns: Partial<DueSchedule> = {},
): object {
  const decision = decide(schedule(definition, columns), {
    now: NOW,
    noticeMs: 65_000,
    conditions: 'no login for conditions',
    random: () => 0.5,
  })
  const text = (time: number | string): string =>
    typeof time === 'number' ? new Date(time).toISOString().slice(11, 19) : time
  if (decision.kind === 'plan') {
    return { next: text(decision.plan.next), error: decision.plan.error }
  }
  const fires = decision.tick.jobs.map(({ tick }) => text(tick)).join(' ')
  return { fires, next: text(decision.tick.next) }
}

describe('a schedule whose next tick is to be computed', () => {
  it('has the next one by the database’s clock', () => {
    expect(decided({ cronExpression: '30 * * * *' })).toEqual({ next: '10:30:00', error: null })
  })

  it('makes up for nothing that fell due while no instance may have been running', () => {
    expect(decided({ intervalSeconds: 600 })).toEqual({ next: '10:00:00', error: null })
    expect(decided({ cronExpression: '50 9 * * *' })).toMatchObject({ next: '09:50:00' })
  })

  it('keeps what fell due between its change and this look', () => {
    const changed = { changedAt: NOW - 40_000 }
    expect(decided({ cronExpression: '*/15 * * * * *' }, changed)).toMatchObject({
      next: '09:59:30',
    })
    expect(decided({ intervalSeconds: 3_600, startAt: NOW - 20_000 }, changed)).toMatchObject({
      next: '09:59:40',
    })
    expect(decided({ intervalSeconds: 30, createdAt: NOW - 40_000 }, changed)).toMatchObject({
      next: '09:59:50',
    })
  })

  it('fires an interval first one interval after it was made, or at its start', () => {
    const made = { createdAt: NOW - 1_500, intervalSeconds: 300 }
    expect(decided(made, { changedAt: NOW - 1_500 })).toMatchObject({ next: '10:04:58' })
    expect(decided({ ...made, startAt: at('10:01:00') })).toMatchObject({ next: '10:01:00' })
  })

  it('has no tick before its start, and may have one at it', () => {
    expect(decided({ startAt: at('12:00:00') })).toMatchObject({ next: '12:00:00' })
    expect(decided({ startAt: at('12:00:01') })).toMatchObject({ next: '13:00:00' })
  })

  it('is over after its end, or after its last execution', () => {
    const half = { cronExpression: '30 * * * *' }
    expect(decided({ ...half, endAt: at('10:30:00') })).toMatchObject({ next: '10:30:00' })
    expect(decided({ ...half, endAt: at('10:29:59') })).toEqual({ next: 'never', error: null })
    expect(decided({ maxExecutions: 3, executionCount: 3 })).toEqual({ next: 'never', error: null })
  })

  it.each<[string, Partial<ScheduleDefinition>]>([
    ['neither cronexpression nor', { cronExpression: null }],
    ['both cronexpression and', { cronExpression: '* * * * *', intervalSeconds: 5 }],
    ['intervalseconds is 0', { intervalSeconds: 0 }],
    ["'61 * * * *' cannot be read", { cronExpression: '61 * * * *' }],
    ["timezone 'Europe/Bonn' is none", { timeZone: 'Europe/Bonn' }],
    ['endat is before startat', { startAt: NOW, endAt: NOW - 1 }],
    ['infinity', { startAt: Infinity }],
    ['maxexecutions is -1', { maxExecutions: -1 }],
    ['jitterseconds is -1', { jitterSeconds: -1 }],
    ['jitterseconds is 86401', { jitterSeconds: 86_401 }],
    ['no login for conditions', { condition: 'SELECT true' }],
    ["misfirepolicy 'no' is none: it is one of fire_once", { misfirePolicy: 'no' }],
    ["overlappolicy 'no' is none: it is one of allow", { overlapPolicy: 'no' }],
  ])('cannot run, and says why: %s', (reason, definition) => {
    const error = expect.stringContaining(reason) as string
    expect(decided(definition)).toEqual({ next: 'never', error })
    expect(decided(definition, { dueAt: NOW })).toEqual({ next: 'never', error })
  })

  it('cannot run where its start is beyond every calendar', () => {
    const error = expect.stringContaining('cannot be computed') as string
    expect(decided({ startAt: 9e15 })).toEqual({ next: 'never', error })
  })

  it('cannot run where its next tick is later than any database keeps', () => {
    const never = { intervalSeconds: 2_000_000_000, createdAt: Date.UTC(9990, 0) }
    expect(decided(never)).toMatchObject({ error: expect.stringContaining('no tick') as string })
  })
})

describe('a schedule that is due', () => {
  it('fires its tick, and goes on with the next', () => {
    expect(decided({}, { dueAt: NOW })).toEqual({ fires: 'due', next: '11:00:00' })
  })

  it('fires the latest of the ticks that were missed, once', () => {
    const dueAt = at('03:00:00')
    expect(decided({ cronExpression: '30 * * * *' }, { dueAt })).toEqual({
      fires: '09:30:00',
      next: '10:30:00',
    })
    expect(decided({ intervalSeconds: 9, createdAt: at('02:59:53') }, { dueAt })).toEqual({
      fires: '09:59:53',
      next: '10:00:02',
    })
  })

  it('fires none after its end', () => {
    expect(decided({ endAt: at('05:30:00') }, { dueAt: at('03:00:00') })).toEqual({
      fires: '05:00:00',
      next: 'never',
    })
  })

  it('fires a time that somebody wrote, which is no tick', () => {
    const dueAt = at('09:59:12')
    expect(decided({ cronExpression: '30 * * * *' }, { dueAt })).toEqual({
      fires: 'due',
      next: '10:30:00',
    })
  })

  it('does not fire the same tick twice where the clock was read before the row', () => {
    expect(decided({ cronExpression: '* * * * * *' }, { dueAt: NOW + 1_000 })).toEqual({
      fires: 'due',
      next: '10:00:02',
    })
  })

  it('fires none beyond its last execution', () => {
    const due = { dueAt: NOW }
    expect(decided({ maxExecutions: 3, executionCount: 2 }, due)).toMatchObject({ fires: 'due' })
    expect(decided({ maxExecutions: 3, executionCount: 3 }, due)).toEqual({
      next: 'never',
      error: null,
    })
  })
})
