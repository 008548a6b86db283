import { beforeEach, describe, expect, it } from 'vitest'
import {
  SCHEDULE_DEFAULTS,
  type DeclarationReport,
  type ScheduleSettings,
} from '../../../src/ports/schedule-book.ts'
import { count } from './jobs.ts'
import { insertSchedule, scheduleRow } from './schedules.ts'
import { storeSuite } from './store-suite.ts'
import type { Row } from './target.ts'

function settings(name: string, more: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return {
    ...SCHEDULE_DEFAULTS,
    name,
    handler: 'test.handler',
    cronExpression: '0 8 * * *',
    ...more,
  }
}

export const scheduleBookSuite = storeSuite('the book of schedules', (bed) => {
  const book = () => bed.store.scheduleBook

  it('counts intervals from where the scheduler counts them, to the millisecond', async () => {
    await insertSchedule(bed.database, 'each', {
      cronexpression: null,
      intervalseconds: 10,
      createdon: '2026-01-01 00:00:00.499509',
      startat: '2026-01-01 00:00:00.499001',
    })
    const { schedules } = await bed.store.schedules.due({ limit: 10, after: null })
    const shown = await book().find('each')
    const { createdAt, startAt } = schedules[0]!.definition
    expect([shown!.createdAt, shown!.startAt]).toEqual([createdAt, startAt])
    expect(startAt).toBe(Date.parse('2026-01-01T00:00:00.500Z'))
  })

  it('makes a schedule, reads it whole, and lists by pages', async () => {
    const all: ScheduleSettings = {
      name: 'All of it',
      description: 'd',
      handler: 'h',
      cronExpression: '0 8 * * *',
      intervalSeconds: null,
      timeZone: 'Europe/Berlin',
      startAt: Date.parse('2026-01-01T00:00:00.5Z'),
      endAt: Date.parse('2036-01-01T00:00:00Z'),
      maxExecutions: 9,
      enabled: false,
      condition: 'SELECT 1 -- it’s ?',
      priority: 3,
      maxRetries: 2,
      timeoutSeconds: 60,
      queue: 'q',
      payload: '{"a":"?"}',
      misfirePolicy: 'skip',
      overlapPolicy: 'queue',
      jitterSeconds: 5,
      tenantId: 't',
    }
    await book().create({ id: 'one', settings: all, createdBy: 'ada' })
    await insertSchedule(bed.database, 'two')
    await insertSchedule(bed.database, 'off', { active: false })
    const one = await book().find('All of it')
    expect(one).toMatchObject({ ...all, id: 'one', createdBy: 'ada', version: 1, nextRunAt: null })
    expect(await book().find('one')).toEqual(one)
    expect(await book().find('nobody')).toBeUndefined()
    const page = await book().list({ after: null, limit: 1 })
    expect(page.map(({ id }) => id)).toEqual(['one'])
    const rest = await book().list({ after: 'one', limit: 10 })
    expect(rest.map(({ id }) => id)).toEqual(['two'])
    expect(Math.abs((await book().now()) - Date.now())).toBeLessThan(10_000)
    await expect(
      book().create({ id: 'three', settings: all, createdBy: null }),
    ).rejects.toMatchObject({ code: 'database_constraint' })
  })

  it('changes what is given, where nobody has changed it since', async () => {
    await insertSchedule(bed.database, 's', { nextrunat: '2099-01-01 00:00:00' })
    const change = (version: number | null, given: Partial<ScheduleSettings>) =>
      book().change({ id: 's', version, settings: given })
    expect(await change(1, { cronExpression: '5 * * * *', priority: 7 })).toBe('done')
    expect(await scheduleRow(bed.database, 's')).toMatchObject({
      cronexpression: '5 * * * *',
      priority: 7,
      rowversionstamp: 2,
      nextrunat: null,
    })
    expect(await change(1, { priority: 8 })).toBe('stale')
    expect(await change(null, { enabled: false })).toBe('done')
    expect(await book().change({ id: 'x', version: null, settings: {} })).toBe('not_found')
    expect(await book().remove({ id: 's', version: 2 })).toBe('stale')
    expect(await book().remove({ id: 's', version: 3 })).toBe('done')
    expect(await book().remove({ id: 's', version: null })).toBe('not_found')
  })

  it('makes jobs beside the ticks, one each, which count in nothing', async () => {
    await insertSchedule(bed.database, 's', { queue: 'q', payload: 'p', overlappolicy: 'queue' })
    const at = Date.parse('2026-03-01T10:00:00Z')
    const jobs = [at, at + 1_000].map((tick, index) => ({ jobId: `j${index}`, tick }))
    const lane = { tenantId: null, orderingKey: 'schedule:s' }
    const made = await book().makeJobs({ id: 's', jobs })
    expect(made).toEqual({ ids: ['j0', 'j1'], existing: 0, queue: 'q', turns: [lane] })
    const again = [
      { jobId: 'k', tick: at, payload: '1' },
      { jobId: 'l', tick: at + 500, payload: '2' },
    ]
    expect(await book().makeJobs({ id: 's', jobs: again })).toMatchObject({
      ids: ['l'],
      existing: 1,
    })
    const rows = await bed.database.sql('SELECT payload FROM queue_jobs ORDER BY seq')
    expect(rows.map((row) => row['payload'])).toEqual(['p', 'p', '2'])
    expect(await scheduleRow(bed.database, 's')).toMatchObject({
      executioncount: 0,
      lastrunat: null,
      rowversionstamp: 1,
    })
    expect(await book().makeJobs({ id: 'x', jobs })).toBeUndefined()
  })

  describe('writes what is declared', () => {
    const declare = (
      schedules: readonly ScheduleSettings[],
      source = 'configuration',
      disableOthers = true,
    ): Promise<DeclarationReport> => book().declare({ source, schedules, disableOthers })
    const row = async (name: string): Promise<Row> => {
      const [found] = await bed.database.sql('SELECT * FROM jobs WHERE name = ?', [name])
      return found!
    }
    const NOTHING = { made: [], changed: [], disabled: [], leftAlone: [] }

    beforeEach(async () => {
      await bed.database.sql('DELETE FROM crossdock_declared_schedules')
    })

    it('once, and changes what is declared otherwise', async () => {
      expect(await declare([settings('a'), settings('b')])).toEqual({
        ...NOTHING,
        made: ['a', 'b'],
      })
      expect(await row('a')).toMatchObject({ createdby: 'configuration' })
      expect(await declare([settings('a'), settings('b')])).toEqual(NOTHING)
      const other = settings('a', { cronExpression: '0 9 * * *', startAt: 1_700_000_000_000 })
      expect(await declare([other, settings('b')])).toEqual({ ...NOTHING, changed: ['a'] })
      expect(await row('a')).toMatchObject({
        cronexpression: '0 9 * * *',
        startat: new Date(1_700_000_000_000),
        rowversionstamp: 2,
      })
      expect(await declare([other, settings('b')])).toEqual(NOTHING)
    })

    it('without undoing what SQL changed: pausing, other times, or all of it', async () => {
      await declare([settings('a'), settings('gone')])
      await bed.database.sql(
        `UPDATE jobs SET enabled = false, cronexpression = '1 1 * * *' WHERE name = 'a'`,
      )
      await bed.database.sql(`DELETE FROM jobs WHERE name = 'gone'`)
      const other = settings('a', { cronExpression: '0 9 * * *', priority: 4 })
      expect(await declare([other, settings('gone')])).toEqual({
        ...NOTHING,
        changed: ['a'],
        leftAlone: ['gone'],
      })
      const changed = await row('a')
      expect(changed).toMatchObject({ cronexpression: '1 1 * * *', priority: 4 })
      expect(Boolean(changed['enabled'])).toBe(false)
    })

    it('and switches off what is not declared any more, where it came from there', async () => {
      await insertSchedule(bed.database, 'own')
      await declare([settings('a'), settings('b'), settings('name of own', { priority: 9 })])
      expect(await row('name of own')).toMatchObject({ priority: 0 })
      await declare([settings('code')], 'handlers', false)
      await bed.database.sql(`UPDATE jobs SET enabled = false WHERE name = 'b'`)
      expect(await declare([])).toEqual({ ...NOTHING, disabled: ['a'] })
      for (const [name, enabled] of [
        ['a', false],
        ['b', false],
        ['code', true],
        ['name of own', true],
      ] as const) {
        expect(Boolean((await row(name))['enabled']), name).toBe(enabled)
      }
      expect(await declare([])).toEqual(NOTHING)
      expect(await declare([settings('a')])).toEqual({ ...NOTHING, changed: ['a'] })
      expect(Boolean((await row('a'))['enabled'])).toBe(true)
    })

    it('once, however many instances begin at once', async () => {
      const stores = Array.from({ length: 4 }, () => bed.database.openStore())
      try {
        const reports = await Promise.all(
          stores.map(async ({ scheduleBook }) => {
            for (;;) {
              try {
                return await scheduleBook.declare({
                  source: 'configuration',
                  schedules: [settings('a'), settings('b'), settings('c')],
                  disableOthers: true,
                })
              } catch (error) {
                if ((error as { code?: string }).code !== 'database_locked') throw error
              }
            }
          }),
        )
        expect(reports.flatMap(({ made }) => made).toSorted()).toEqual(['a', 'b', 'c'])
        expect(await count(bed.database, 'jobs')).toBe(3)
      } finally {
        await Promise.all(stores.map((store) => store.close()))
      }
    })
  })
})
