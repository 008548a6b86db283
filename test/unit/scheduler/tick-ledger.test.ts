import { describe, expect, it } from 'vitest'
import { judgeTicks, type FiredSchedule } from '../../chaos/tick-ledger.ts'

const FROM = Date.parse('2026-11-22T10:00:00Z')
const GRACE_MS = 5_500

/** A schedule of every second, whose ticks fired by their number, so many milliseconds late. */
function fired(
  misfire: FiredSchedule['misfire'],
  ticks: readonly number[],
  { next = Math.max(...ticks) + 1, lateMs = 10, everyMs = 1_000 } = {},
): FiredSchedule {
  const at = (tick: number): number => FROM + tick * everyMs
  const jobs = ticks.map((tick) => ({ tick: at(tick), insertedAt: at(tick) + lateMs }))
  return { misfire, everyMs, jobs, nextRunAt: at(next) }
}

const dark = [{ from: FROM + 20_000, until: FROM + 25_000 }]
const judge = (schedule: FiredSchedule) => judgeTicks(schedule, { dark, graceMs: GRACE_MS })
const upTo = (last: number, without: readonly number[] = []): readonly number[] =>
  Array.from({ length: last + 1 }, (_, tick) => tick).filter((tick) => !without.includes(tick))

describe('the ledger of ticks that the chaos suite keeps', () => {
  it('finds nothing where each tick has its job', () => {
    expect(judge(fired('fire_all', upTo(40)))).toEqual({ problems: [], leftOut: 0 })
  })

  it('lets a policy leave out what it may, while nobody lived, and nothing else', () => {
    const missing = upTo(40, [21, 22, 23])
    expect(judge(fired('fire_once', missing))).toEqual({ problems: [], leftOut: 3 })
    expect(judge(fired('skip', missing))).toEqual({ problems: [], leftOut: 3 })
    expect(judge(fired('fire_all', missing)).problems).toHaveLength(3)
    expect(judge(fired('fire_once', upTo(40, [35]))).problems).toEqual([
      '2026-11-22T10:00:35.000Z has no job',
    ])
  })

  it('lets a policy leave out what fell due while the machine was slow', () => {
    const schedule = fired('fire_once', upTo(40, [35]))
    const isLate = (tick: number): boolean => tick === FROM + 35_000
    expect(judgeTicks(schedule, { dark, graceMs: GRACE_MS, isLate }).problems).toEqual([])
    const all = { ...schedule, misfire: 'fire_all' as const }
    expect(judgeTicks(all, { dark, graceMs: GRACE_MS, isLate }).problems).toHaveLength(1)
  })

  it('finds a tick that fired twice, early, beside the schedule, or not at the end', () => {
    expect(judge(fired('fire_all', [0, 1, 1, 2])).problems[0]).toMatch(/fired twice/)
    expect(judge(fired('fire_all', [0, 1, 2], { lateMs: -5 })).problems[0]).toMatch(/5 ms early/)
    expect(judge(fired('fire_all', [0, 1, 1.5, 2])).problems.join()).toMatch(/is no tick/)
    expect(judge(fired('fire_all', [0, 1, 2], { next: 5 })).problems).toHaveLength(2)
  })

  it('finds a tick that its policy was to leave out', () => {
    const late = { lateMs: 9_000 }
    expect(judge(fired('fire_once', [0, 1], late)).problems[0]).toMatch(/was not the latest/)
    expect(judge(fired('skip', [0, 1], late)).problems[0]).toMatch(/was to be skipped/)
    expect(judge(fired('fire_all', [0, 1], late)).problems).toEqual([])
  })
})
