import { describe, expect, it } from 'vitest'
import type { FiredTicks } from '../../../src/ports/schedule-store.ts'
import { allDue, dueOne, insertSchedule, scheduleRow, tickOf } from './schedules.ts'
import { storeSuite } from './store-suite.ts'

const HOUR = 3_600_000
const NEVER = new Date('9999-12-31T00:00:00Z')

/** A time with microseconds, as a person's SQL may write it. */
const EXACT = '2026-03-01 10:00:00.123456'

/** JSON of a row: a driver gives it parsed or as text. */
const parsed = (value: unknown): unknown => (typeof value === 'string' ? JSON.parse(value) : value)

export const schedulePoliciesSuite = storeSuite('policies of schedules', (bed) => {
  async function planned(id: string, nextRunAt: string | Date = EXACT): Promise<void> {
    await bed.database.sql('UPDATE jobs SET nextrunat = ? WHERE id = ?', [nextRunAt, id])
  }

  /** A schedule that is due. */
  async function dueSchedule(id: string, columns = {}): Promise<void> {
    await insertSchedule(bed.database, id, { ...columns, nextrunat: EXACT })
  }

  describe('whose jobs may overlap', () => {
    const SECOND = 1_000
    const first = Date.parse('2026-03-01T10:00:00Z')

    /** Fires the tick number `number`. */
    async function fireTick(number: number): Promise<FiredTicks> {
      await planned('s', new Date(first + number * SECOND))
      return await bed.store.schedules.fire([tickOf(await dueOne(bed.store, 's'))])
    }

    /** Of each job: its status, the column `lane`, and how many ticks it stands for beside its own. */
    async function jobs(): Promise<readonly unknown[]> {
      const rows = await bed.database.sql('SELECT * FROM queue_jobs ORDER BY seq')
      return rows.map((row) => [
        row['statusid'],
        row['orderingkey'],
        (parsed(row['metadata']) as { merged_ticks?: number } | null)?.merged_ticks ?? 0,
      ])
    }

    const end = (statusId: number, where: string): Promise<void> =>
      bed.database.sqlAsGiver(`UPDATE queue_jobs SET statusid = ${statusId} WHERE ${where}`)

    it('make none while the last one has not ended, where they skip', async () => {
      await insertSchedule(bed.database, 's', { overlappolicy: 'skip', maxexecutions: 3 })
      expect(await fireTick(0)).toMatchObject({ jobs: 1, overlapped: [] })
      for (const [number, statusId] of [0, 1, 2, 5, 7].entries()) {
        await end(statusId, 'true')
        const fired = await fireTick(1 + number)
        expect(fired).toMatchObject({ moved: ['s'], jobs: 0, queues: [], overlapped: ['s'] })
      }
      // No execution: the last of three is still to come.
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ executioncount: 1 })
      for (const [number, statusId] of [3, 6].entries()) {
        await end(statusId, 'true')
        expect(await fireTick(10 + number)).toMatchObject({ jobs: 1, overlapped: [] })
      }
      expect(await scheduleRow(bed.database, 's')).toMatchObject({
        executioncount: 3,
        nextrunat: NEVER,
      })
    })

    it('look at the last job alone, where they skip', async () => {
      await insertSchedule(bed.database, 's', { overlappolicy: 'skip' })
      await fireTick(0)
      await end(4, 'true')
      await fireTick(1)
      await end(2, 'statusid = 4')
      await end(3, 'statusid = 0')
      expect(await fireTick(2)).toMatchObject({ jobs: 1 })
    })

    it('have at most one that waits, which counts the ticks after its own, where they queue', async () => {
      await insertSchedule(bed.database, 's', { overlappolicy: 'queue', tenantid: 't' })
      const lane = { tenantId: 't', orderingKey: 'schedule:s' }
      expect(await fireTick(0)).toMatchObject({ jobs: 1, turns: [lane], overlapped: [] })
      await end(2, 'true')
      expect(await fireTick(1)).toMatchObject({ jobs: 1, overlapped: [] })
      for (const number of [2, 3, 4]) {
        expect(await fireTick(number)).toMatchObject({ jobs: 0, overlapped: ['s'] })
      }
      expect(await jobs()).toEqual([
        [2, 'schedule:s', 0],
        [1, 'schedule:s', 3],
      ])
      // It begins: the next tick has a job of its own again.
      await end(3, 'statusid = 2')
      await bed.store.giveTurns([lane])
      await end(2, 'statusid = 0')
      expect(await fireTick(5)).toMatchObject({ jobs: 1, overlapped: [] })
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ executioncount: 3 })
    })

    it('are made for a job that somebody is about to begin, where they queue', async () => {
      await insertSchedule(bed.database, 's', { overlappolicy: 'queue' })
      await fireTick(0)
      const [job] = await bed.database.sql('SELECT id FROM queue_jobs')
      const lock = await bed.database.lockRow(String(job!['id']))
      try {
        expect(await fireTick(1)).toMatchObject({ jobs: 1, overlapped: [] })
      } finally {
        await lock.release()
      }
    })
  })

  describe('that fire several ticks, or later, or something else', () => {
    it('make a job of each tick in order, or of none', async () => {
      await dueSchedule('s', { maxexecutions: 3 })
      const schedule = await dueOne(bed.store, 's')
      const base = Date.parse('2026-03-01T11:00:00Z')
      const ticks = [base, base + 1_000, base + 2_000]
      const jobs = ticks.map((tick) => ({ tick }))
      const tooMany = [...jobs, { tick: base + 3_000 }]
      const none = await bed.store.schedules.fire([{ schedule, jobs: tooMany, next: base }])
      expect(none.moved).toEqual([])
      const fired = await bed.store.schedules.fire([{ schedule, jobs, next: base + HOUR }])
      expect(fired).toMatchObject({ moved: ['s'], jobs: 3 })
      const rows = await bed.database.sql('SELECT scheduledfor FROM queue_jobs ORDER BY seq')
      expect(rows.map((row) => Number(row['scheduledfor']))).toEqual(ticks)
      expect(await scheduleRow(bed.database, 's')).toMatchObject({
        executioncount: 3,
        nextrunat: NEVER,
      })
    })

    it('make a job that begins later, whose tick is when it was', async () => {
      await dueSchedule('s')
      const schedule = await dueOne(bed.store, 's')
      const jobs = [{ tick: 'due' as const, delayMs: 60_000 }]
      await bed.store.schedules.fire([{ schedule, jobs, next: 'never' }])
      const [job] = await bed.database.sql(
        `SELECT * FROM queue_jobs WHERE scheduledfor = '${EXACT}'`,
      )
      expect(job).toMatchObject({ statusid: 7 })
      expect(Math.abs(Number(job!['scheduledat']) - Date.now() - 60_000)).toBeLessThan(10_000)
    })

    it('make it with the payload that was given, and note what is amiss', async () => {
      await dueSchedule('s', { payload: '{"at":"{{ now }}"}' })
      await dueSchedule('plain', { payload: '{ "b" :1.00}' })
      const schedule = await dueOne(bed.store, 's')
      expect(schedule).toMatchObject({ handler: 'test.handler', template: '{"at":"{{ now }}"}' })
      expect(await dueOne(bed.store, 'plain')).toMatchObject({ template: null })
      const jobs = [{ tick: 'due' as const, payload: '{"at":"it’s"}' }]
      const plain = tickOf(await dueOne(bed.store, 'plain'))
      await bed.store.schedules.fire([{ schedule, jobs, next: 'never', note: 'odd' }, plain])
      const rows = await bed.database.sql('SELECT payload FROM queue_jobs ORDER BY scheduledjobid')
      expect(rows.map((row) => row['payload'])).toEqual(['{ "b" :1.00}', '{"at":"it’s"}'])
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ lasterror: 'odd' })
      expect(await scheduleRow(bed.database, 'plain')).toMatchObject({ lasterror: null })
    })

    it('count up to the largest number of their column, and fire on', async () => {
      await dueSchedule('s', { executioncount: 2_147_483_647 })
      const fired = await bed.store.schedules.fire([tickOf(await dueOne(bed.store, 's'))])
      expect(fired).toMatchObject({ moved: ['s'], jobs: 1 })
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ executioncount: 2_147_483_647 })
    })

    it('are found under an empty id too', async () => {
      await insertSchedule(bed.database, '')
      expect((await allDue(bed.store)).map(({ id }) => id)).toEqual([''])
    })
  })
})
