import { beforeAll, describe, expect, it } from 'vitest'
import type { Ticks } from '../../../src/domain/ticks.ts'
import { readCron } from '../../../src/scheduler/cron/expression.ts'
import { cronTicks } from '../../../src/scheduler/cron/ticks.ts'
import { zoneOf } from '../../../src/scheduler/cron/zone.ts'
import { chance } from './chance.ts'
import { referenceTicks, shownMinutes, type ShownMinutes } from './reference-cron.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const YEAR = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) }

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/** An hour and half an hour, on either side of the equator; cron-years.test.ts has twenty zones in any form. */
const ZONES = ['Europe/Berlin', 'Australia/Lord_Howe', ...(LONG ? ['UTC', 'America/New_York'] : [])]

/** Seldom enough to be compared over a whole year. */
const YEARLY = [
  '0 8 * * *',
  '30 2 * * *',
  '15 2 * * *',
  '30 1 * * *',
  '0,30 1-3 * * *',
  '*/30 2 * * *',
  '0 */2 * * *',
  '0 0 1 * *',
  '0 12 * * 1-5',
  '0 0 13 * 5',
  '45 1,2 29 3 *',
  '* 2 * * 0',
]

function ticksOf(expression: string, zone: string): Ticks {
  const walls = readCron(expression, 'seed')
  if ('problem' in walls) throw new Error(walls.problem)
  return cronTicks(walls, zoneOf(zone))
}

/** Every tick from `from` to before `to`, forwards; and each found again backwards. */
function between(ticks: Ticks, from: number, to: number): number[] {
  const found: number[] = []
  for (let at = ticks.after(from - 1); at !== undefined && at < to; at = ticks.after(at)) {
    if (ticks.notAfter(at) !== at) throw new Error(`not found backwards: ${at}`)
    const before = found.at(-1)
    if (before !== undefined && ticks.notAfter(at - 1) !== before) {
      throw new Error(`not found backwards: ${before}`)
    }
    found.push(at)
  }
  return found
}

const iso = (instants: readonly number[]): readonly string[] =>
  instants.map((instant) => new Date(instant).toISOString())

/** An expression that has something to do with the hours in which clocks change. */
function anyExpression(draw: (below: number) => number): string {
  const pick = (...choices: string[]): string => choices[draw(choices.length)]!
  const minute = pick('*', '*/7', '*/30', `${draw(60)}`, `${draw(30)}-${30 + draw(30)}/5`, '0,15')
  const hour = pick('*', '*/2', '*/3', `${draw(5)}`, `${draw(2)}-${2 + draw(4)}`, '1,2,3', '0-23')
  return `${minute} ${hour} ${pick('*', '*', '*/2', '1-15')} * ${pick('*', '*', '0', '1-6')}`
}

describe.each(ZONES)('ticks in %s', (zone) => {
  let shown: ShownMinutes

  beforeAll(() => {
    shown = shownMinutes(zone, YEAR.from - 2 * DAY_MS, YEAR.to)
  }, 60_000)

  function reference(expression: string, from: number, to: number): number[] {
    // From a day before: what a clock shows at `from` is new only to one who knows what it showed until then.
    const [first, last] = [from - DAY_MS, to].map((at) => (at - shown.from) / MINUTE_MS)
    const watched = { from: from - DAY_MS, walls: shown.walls.slice(first, last) }
    return referenceTicks(expression, watched).filter((tick) => tick >= from)
  }

  it.each(YEARLY)('of %s are those of a clock that is watched for a year', (expression) => {
    const ticks = between(ticksOf(expression, zone), YEAR.from, YEAR.to)
    expect(iso(ticks)).toEqual(iso(reference(expression, YEAR.from, YEAR.to)))
  })

  it('of any expression are those of a watched clock, around every change of the clock', () => {
    const draw = chance(2026)
    const changes = [Date.UTC(2026, 2, 8), Date.UTC(2026, 2, 29), Date.UTC(2026, 3, 4)].concat([
      Date.UTC(2026, 9, 3),
      Date.UTC(2026, 9, 25),
      Date.UTC(2026, 10, 1),
    ])
    for (let round = 0; round < 25; round += 1) {
      const expression = anyExpression(draw)
      const ticks = ticksOf(expression, zone)
      const change = changes[draw(changes.length)]!
      const [from, to] = [change - DAY_MS / 2, change + 1.5 * DAY_MS]
      expect(iso(between(ticks, from, to)), expression).toEqual(
        iso(reference(expression, from, to)),
      )
    }
  }, 60_000)
})

describe('where the clock is put forward', () => {
  it('a time of the day that is skipped fires once, right after the gap', () => {
    const ticks = ticksOf('0,15,30 2 * * *', 'Europe/Berlin')
    const found = between(ticks, Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 2, 29, 12))
    expect(iso(found)).toEqual(['2026-03-29T01:00:00.000Z'])
  })

  it('by half an hour only, 02:15 fires at 02:30', () => {
    const ticks = ticksOf('15 2 * * *', 'Australia/Lord_Howe')
    const found = between(ticks, Date.UTC(2026, 9, 3, 0), Date.UTC(2026, 9, 5, 0))
    expect(iso(found)).toEqual(['2026-10-03T15:30:00.000Z', '2026-10-04T15:15:00.000Z'])
  })

  it('what names the minute after the gap as well fires once for both', () => {
    const ticks = ticksOf('0 2,3 * * *', 'Europe/Berlin')
    const found = between(ticks, Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 2, 29, 12))
    expect(iso(found)).toEqual(['2026-03-29T01:00:00.000Z'])
  })

  it('what follows real time does not fire in the skipped hour', () => {
    const ticks = ticksOf('*/30 2 * * *', 'America/New_York')
    expect(between(ticks, Date.UTC(2026, 2, 8, 0), Date.UTC(2026, 2, 9, 0))).toEqual([])
  })

  it('a whole day that a zone skips is made up for right after it', () => {
    const ticks = ticksOf('0 12 30 12 *', 'Pacific/Apia')
    const found = between(ticks, Date.UTC(2011, 11, 1), Date.UTC(2012, 0, 10))
    expect(iso(found)).toEqual(['2011-12-30T10:00:00.000Z'])
  })
})

describe('where a zone had rules of its own', () => {
  it('a day that began at one o’clock fires its midnight right after the gap', () => {
    // São Paulo, until 2018: on a Sunday in November 00:00 was 01:00.
    const ticks = ticksOf('0 0 * * *', 'America/Sao_Paulo')
    const found = between(ticks, Date.UTC(2018, 10, 3), Date.UTC(2018, 10, 6))
    expect(iso(found)).toEqual([
      '2018-11-03T03:00:00.000Z',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ])
  })

  it('an hour before midnight that was repeated fires once', () => {
    const ticks = ticksOf('30 23 * * *', 'America/Sao_Paulo')
    const found = between(ticks, Date.UTC(2018, 1, 17, 12), Date.UTC(2018, 1, 20))
    expect(iso(found)).toEqual(['2018-02-18T01:30:00.000Z', '2018-02-19T02:30:00.000Z'])
  })

  it('half an hour that was repeated fires once, or twice where it follows real time', () => {
    const once = ticksOf('45 1 * * *', 'Australia/Lord_Howe')
    const both = ticksOf('*/15 1 * * *', 'Australia/Lord_Howe')
    const [from, to] = [Date.UTC(2026, 3, 4, 12), Date.UTC(2026, 3, 5, 12)]
    expect(iso(between(once, from, to))).toEqual(['2026-04-04T14:45:00.000Z'])
    expect(iso(between(both, from, to)).map((time) => time.slice(11, 16))).toEqual([
      '14:00',
      '14:15',
      '14:30',
      '14:45',
      '15:00',
      '15:15',
    ])
  })

  it('New York fires 02:30 at three in spring, and once in autumn', () => {
    const ticks = ticksOf('30 2 * * *', 'America/New_York')
    const spring = between(ticks, Date.UTC(2026, 2, 8), Date.UTC(2026, 2, 9))
    expect(iso(spring)).toEqual(['2026-03-08T07:00:00.000Z'])
    const one = ticksOf('30 1 * * *', 'America/New_York')
    const autumn = between(one, Date.UTC(2026, 10, 1), Date.UTC(2026, 10, 2))
    expect(iso(autumn)).toEqual(['2026-11-01T05:30:00.000Z'])
  })
})

describe('where the clock is put back', () => {
  it('a time of the day that is repeated fires once, the first time', () => {
    const ticks = ticksOf('30 2 * * *', 'Europe/Berlin')
    const found = between(ticks, Date.UTC(2026, 9, 24, 12), Date.UTC(2026, 9, 25, 12))
    expect(iso(found)).toEqual(['2026-10-25T00:30:00.000Z'])
  })

  it('what follows real time fires in both hours', () => {
    const ticks = ticksOf('*/30 2 * * *', 'Europe/Berlin')
    const found = between(ticks, Date.UTC(2026, 9, 24, 12), Date.UTC(2026, 9, 25, 12))
    expect(found.map((tick) => new Date(tick).toISOString().slice(11, 16))).toEqual([
      '00:00',
      '00:30',
      '01:00',
      '01:30',
    ])
  })
})

describe('an expression', () => {
  const next = (expression: string, from = '2026-11-22T10:00:00Z'): string | undefined => {
    const tick = ticksOf(expression, 'UTC').after(Date.parse(from))
    return tick === undefined ? undefined : new Date(tick).toISOString()
  }

  it.each([
    ['*/10 * * * * *', '2026-11-22T10:00:10.000Z'],
    ['0 9 * JAN MON-FRI', '2027-01-01T09:00:00.000Z'],
    ['@daily', '2026-11-23T00:00:00.000Z'],
    [' @Hourly ', '2026-11-22T11:00:00.000Z'],
    ['0 0 L * ?', '2026-11-30T00:00:00.000Z'],
    ['0 0 * * 5L', '2026-11-27T00:00:00.000Z'],
    ['0 0 * * 1#2', '2026-12-14T00:00:00.000Z'],
    ['0 0 29 2 *', '2028-02-29T00:00:00.000Z'],
    ['0 0 LW * *', '2026-11-30T00:00:00.000Z'],
    ['0 0 L-3 * *', '2026-11-27T00:00:00.000Z'],
    ['0 0 1W 8 *', '2027-08-02T00:00:00.000Z'],
    ['0 0 28W * *', '2026-11-27T00:00:00.000Z'],
    ['0 0 29W * *', '2026-11-30T00:00:00.000Z'],
    ['0 0 ? * fri#1,SUNL', '2026-11-29T00:00:00.000Z'],
    ['5/20 * * * *', '2026-11-22T10:05:00.000Z'],
    ['0 0 * * 7', '2026-11-29T00:00:00.000Z'],
    ['@weekends', '2026-11-28T00:00:00.000Z'],
  ])('%j has its next tick at %s', (expression, expected) => {
    expect(next(expression)).toBe(expected)
  })

  it('with seconds has no tick within a second', () => {
    expect(next('* * * * * *', '2026-11-22T10:00:00.500Z')).toBe('2026-11-22T10:00:01.000Z')
  })

  it('whose H is drawn by the same seed has the same times', () => {
    const draw = (seed: string): number | undefined => {
      const walls = readCron('H H * * *', seed)
      return 'problem' in walls ? undefined : walls.atOrAfter(YEAR.from)
    }
    expect(draw('one')).toBe(draw('one'))
    expect(new Set(['one', 'two', 'three'].map(draw)).size).toBe(3)
  })

  it('that comes every 28 years is found', () => {
    expect(next('0 0 * 2 1#5')).toBe('2044-02-29T00:00:00.000Z')
  })

  it('that is seldom is computed in no time', () => {
    const from = performance.now()
    for (const expression of ['0 0 * 2 MON#5', '0 0 30 2 *', '0 0 31 2,4 *']) next(expression)
    expect(performance.now() - from).toBeLessThan(100)
  })

  it('that never comes has no tick, and is not searched for ever', () => {
    const never = () => undefined
    const walls = { atOrAfter: never, atOrBefore: never, followsRealTime: false }
    const ticks = cronTicks(walls, zoneOf('Europe/Berlin'))
    expect(ticks.after(YEAR.from)).toBeUndefined()
    expect(ticks.notAfter(YEAR.from)).toBeUndefined()
  })

  it.each([
    ['', 'it has 0 fields'],
    ['* * *', 'it has 3 fields'],
    ['* * * * * * *', 'it has 7 fields'],
    ['61 * * * *', "its minute '61' is out of range: it takes 0 to 59"],
    ['* * * FOO *', "its month 'FOO' is none: it takes 1 to 12, or JAN, FEB"],
    ['5-1 * * * *', "its minute '5-1' runs backwards: write two ranges, such as 5-59,0-1"],
    ['*/0 * * * *', "its minute '*/0' has no whole number from 1 behind its /"],
    ['*/90 * * * *', 'has a step of more than its 60 values'],
    ['1--2 * * * *', 'is no range such as 1-5'],
    ['1,,2 * * * *', "its minute '' is none"],
    ['0 0 * * L', 'names no day: write 5L or FRIL'],
    ['0 0 * * 1#6', 'has no number from 1 to 5 behind its #'],
    ['0 0 32W * *', "its day of the month '32W' is out of range"],
    ['0 ? * * *', "its hour '?' is none"],
    ['1e1 * * * *', "its minute '1e1' is none"],
    ['@never', 'the name is none: there are @yearly'],
    ['a b c d e', "its minute 'a' is none"],
  ])('%j is refused with a reason', (expression, reason) => {
    const walls = readCron(expression, 'seed')
    expect('problem' in walls && walls.problem).toContain(reason)
  })
})
