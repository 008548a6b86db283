import { describe, expect, it } from 'vitest'
import { readDays } from '../../../src/scheduler/cron/days.ts'
import { readCron } from '../../../src/scheduler/cron/expression.ts'
import { cronTicks } from '../../../src/scheduler/cron/ticks.ts'
import { zoneOf } from '../../../src/scheduler/cron/zone.ts'
import { chance } from './chance.ts'
import { referenceTicks, shownMinutes } from './reference-cron.ts'
import { referenceDay } from './reference-days.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/** Zones with much that is odd: half hours, changes at midnight, of whole days, and rules that came and went. */
const ZONES = [
  'Europe/Berlin',
  'Europe/Dublin',
  'Europe/Lisbon',
  'Europe/Moscow',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Caracas',
  'America/Havana',
  'Asia/Tehran',
  'Asia/Kathmandu',
  'Asia/Gaza',
  'Asia/Pyongyang',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Antarctica/Troll',
  'UTC',
]

/** The days of years around which a zone’s clock was changed: each compared with the next. */
function changesOf(zone: string, fromYear: number, toYear: number): readonly number[] {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const offset = (at: number): string => format.format(at).split(', ').at(-1)!
  const days: number[] = []
  let before = offset(Date.UTC(fromYear, 0))
  for (let at = Date.UTC(fromYear, 0); at < Date.UTC(toYear + 1, 0); at += DAY_MS) {
    const after = offset(at + DAY_MS)
    if (after !== before) days.push(at)
    before = after
  }
  return days
}

/** Those of eight years, of which the clock was changed in one at least, if there are such. */
function changesOfAWhile(zone: string, draw: (below: number) => number): readonly number[] {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const first = 1985 + draw(45)
    const found = changesOf(zone, first, first + 7)
    if (found.length > 0) return found
  }
  return []
}

describe('ticks in twenty zones, around changes of their clocks between 1985 and 2037', () => {
  it.each(ZONES)(
    'are those of a watched clock in %s',
    (zone) => {
      const draw = chance(zone.length)
      const pick = (...choices: string[]): string => choices[draw(choices.length)]!
      const all = LONG ? changesOf(zone, 1985, 2037) : changesOfAWhile(zone, draw)
      const days = LONG ? all : [draw, draw, draw].map((any) => all[any(all.length || 1)] ?? 0)
      for (const day of days) {
        const [from, to] = [day - DAY_MS, day + 2 * DAY_MS]
        // What it shows first is not new: it is watched for some hours before.
        const shown = shownMinutes(zone, from - 26 * HOUR_MS, to)
        for (let round = 0; round < 6; round += 1) {
          const minute = pick('*', '*/7', `${draw(60)}`, `${draw(30)}-${30 + draw(30)}/5`, '0,30')
          const hour = pick(
            '*',
            '*/2',
            `${draw(5)}`,
            '23',
            '0',
            `${draw(3)}-${3 + draw(4)}`,
            '22-23',
          )
          const expression = `${minute} ${hour} ${pick('*', '*', '*/2')} * ${pick('*', '*', '0,6')}`
          const walls = readCron(expression, 'seed')
          if ('problem' in walls) throw new Error(walls.problem)
          const ticks = cronTicks(walls, zoneOf(zone))
          const found: number[] = []
          for (let at = ticks.after(from - 1); at !== undefined && at < to; at = ticks.after(at)) {
            expect(ticks.notAfter(at), `${expression} backwards`).toBe(at)
            found.push(at)
          }
          const expected = referenceTicks(expression, shown).filter((at) => at >= from && at < to)
          const name = `${expression} at ${new Date(day).toISOString()}`
          expect(
            found.map((at) => new Date(at).toISOString()),
            name,
          ).toEqual(expected.map((at) => new Date(at).toISOString()))
        }
      }
    },
    300_000,
  )
})

describe('days', () => {
  it('are those of a calendar that is leafed through for years', () => {
    const draw = chance(7)
    const pick = (...choices: string[]): string => choices[draw(choices.length)]!
    const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
    for (let round = 0; round < (LONG ? 300 : 16); round += 1) {
      const item = (): string =>
        pick(
          `${1 + draw(31)}`,
          `${1 + draw(31)}W`,
          'L',
          'LW',
          `L-${draw(31)}`,
          `${1 + draw(10)}-${11 + draw(20)}/3`,
        )
      const weekday = (): string =>
        pick(`${draw(8)}`, `${weekdays[draw(7)]!}L`, `${draw(8)}#${1 + draw(5)}`, 'MON-WED', '5-7')
      const day = pick('*', '?', item(), `${item()},${item()}`)
      const dow = pick('*', '?', weekday(), `${weekday()},${weekday()}`)
      const days = readDays(day, dow, 'seed')
      for (let at = Date.UTC(2000, 0); at < Date.UTC(LONG ? 2050 : 2015, 0); at += DAY_MS) {
        const date = new Date(at)
        const named = days(date.getUTCFullYear(), date.getUTCMonth() + 1)
        if (named.includes(date.getUTCDate()) !== referenceDay(day, dow, at)) {
          expect.fail(`${day} ${dow} on ${date.toISOString().slice(0, 10)}: ${named.join(' ')}`)
        }
      }
    }
  }, 300_000)
})
