import { describe, expect, it } from 'vitest'
import { count } from './jobs.ts'
import { allDue, dueOne, insertSchedule, scheduleRow, tickOf } from './schedules.ts'
import { storeSuite } from './store-suite.ts'

const HOUR = 3_600_000
const NEVER = new Date('9999-12-31T00:00:00Z')

/** A time with microseconds, as a person's SQL may write it. */
const EXACT = '2026-03-01 10:00:00.123456'

export const schedulesSuite = storeSuite('schedules', (bed) => {
  async function planned(id: string, nextRunAt: string | Date = EXACT): Promise<void> {
    await bed.database.sql('UPDATE jobs SET nextrunat = ? WHERE id = ?', [nextRunAt, id])
  }

  /** A schedule that is due. */
  async function dueSchedule(id: string, columns = {}): Promise<void> {
    await insertSchedule(bed.database, id, { ...columns, nextrunat: EXACT })
  }

  const jobsOf = (id: string): Promise<number> =>
    count(bed.database, 'queue_jobs', `scheduledjobid = '${id}'`)

  describe('that are to be looked at', () => {
    it('are those without a next tick and those that are due, in pages, the earliest first', async () => {
      await insertSchedule(bed.database, 'new-b')
      await insertSchedule(bed.database, 'new-a')
      for (const id of ['c', 'a', 'b']) await dueSchedule(id)
      await insertSchedule(bed.database, 'earlier', { nextrunat: '2026-01-01 00:00:00' })
      await insertSchedule(bed.database, 'later', { nextrunat: new Date(Date.now() + HOUR) })
      await insertSchedule(bed.database, 'off', { enabled: false })
      await insertSchedule(bed.database, 'inactive', { active: false })
      const seen: string[] = []
      let after = null
      for (;;) {
        const page = await bed.store.schedules.due({ limit: 2, after })
        expect(page.nextDueInMs).toBeGreaterThan(HOUR - 20_000)
        expect(page.nextDueInMs).toBeLessThanOrEqual(HOUR)
        seen.push(...page.schedules.map(({ id }) => id))
        const last = page.schedules.at(-1)
        if (last === undefined) break
        after = { id: last.id, nextRunAt: last.version.nextRunAt }
      }
      expect(seen).toEqual(['new-a', 'new-b', 'earlier', 'a', 'b', 'c'])
    })

    it('are passed over by the number, to go on behind them', async () => {
      await insertSchedule(bed.database, 'new')
      for (const id of ['d', 'b', 'c', 'a']) await dueSchedule(id)
      await insertSchedule(bed.database, 'later', { nextrunat: new Date(Date.now() + HOUR) })
      const { schedules } = await bed.store.schedules.due({ limit: 2, after: null })
      const first = schedules.at(-1)!
      const after = { id: first.id, nextRunAt: first.version.nextRunAt }
      expect(after.id).toBe('a')
      const place = await bed.store.schedules.placeAhead({ after, count: 2 })
      expect(place?.id).toBe('c')
      const rest = await bed.store.schedules.due({ limit: 10, after: place })
      expect(rest.schedules.map(({ id }) => id)).toEqual(['d'])
      expect(await bed.store.schedules.placeAhead({ after, count: 3 })).toMatchObject({ id: 'd' })
      expect(await bed.store.schedules.placeAhead({ after, count: 4 })).toBeNull()
    })

    it('are read with the database’s clock and what their rows say', async () => {
      await insertSchedule(bed.database, 'i', {
        intervalseconds: 300,
        startat: '2026-01-01 00:00:00.000001',
        endat: '2027-01-01 00:00:00.999999',
        maxexecutions: 7,
        nextrunat: EXACT,
      })
      const { now, schedules, nextDueInMs } = await bed.store.schedules.due({
        limit: 10,
        after: null,
      })
      expect(Math.abs(now - Date.now())).toBeLessThan(10_000)
      expect(nextDueInMs).toBeNull()
      expect(schedules).toMatchObject([
        {
          id: 'i',
          name: 'name of i',
          dueAt: Date.parse('2026-03-01T10:00:00.123Z'),
          definition: {
            cronExpression: null,
            intervalSeconds: 300,
            timeZone: 'UTC',
            startAt: Date.parse('2026-01-01T00:00:00.001Z'),
            endAt: Date.parse('2027-01-01T00:00:00.999Z'),
            maxExecutions: 7,
            executionCount: 0,
            condition: null,
            misfirePolicy: 'fire_once',
            overlapPolicy: 'allow',
            jitterSeconds: 0,
          },
        },
      ])
      const [schedule] = schedules
      expect(Math.abs(schedule!.definition.createdAt - Date.now())).toBeLessThan(10_000)
      expect(Math.abs(schedule!.changedAt - Date.now())).toBeLessThan(10_000)
    })

    it('were written at the same time, whatever the time zone of the program that wrote them', async () => {
      await bed.database.sqlInZone(
        'America/New_York',
        `INSERT INTO jobs (id, name, handler, intervalseconds) VALUES ('z', 'z', 'h', 300)`,
      )
      const { now, schedules } = await bed.store.schedules.due({ limit: 10, after: null })
      expect(Math.abs(schedules[0]!.definition.createdAt - now)).toBeLessThan(10_000)
      expect(Math.abs(schedules[0]!.changedAt - now)).toBeLessThan(10_000)
    })
  })

  describe('that fire', () => {
    it('make one job with what their row says, and move on, exactly', async () => {
      await dueSchedule('s', {
        queue: 'q',
        priority: 3,
        maxretries: 2,
        timeout: 9,
        payload: '{"a":1}',
        tenantid: 't',
        createdby: 'ada',
        lasterror: 'of before',
      })
      const next = Date.now() + HOUR
      const fired = await bed.store.schedules.fire([tickOf(await dueOne(bed.store, 's'), next)])
      expect(fired).toMatchObject({ moved: ['s'], jobs: 1, queues: ['q'] })
      const [job] = await bed.database.sql(
        `SELECT * FROM queue_jobs WHERE scheduledfor = '${EXACT}'`,
      )
      expect(job).toMatchObject({
        typeid: 1,
        name: 'name of s',
        handler: 'test.handler',
        queue: 'q',
        priority: 3,
        maxretries: 2,
        timeout: 9,
        payload: '{"a":1}',
        tenantid: 't',
        createdby: 'ada',
        scheduledjobid: 's',
        statusid: 0,
      })
      const row = await scheduleRow(bed.database, 's')
      expect(row).toMatchObject({
        nextrunat: new Date(next),
        executioncount: 1,
        lasterror: null,
        createdby: 'ada',
        rowversionstamp: 1,
      })
      expect(Math.abs(Number(row['lastrunat']) - Date.now())).toBeLessThan(10_000)
      expect(await allDue(bed.store)).toEqual([])
    })

    it('fire nothing where the next tick is not any more what was read, by a microsecond', async () => {
      await dueSchedule('s')
      const read = await dueOne(bed.store, 's')
      await planned('s', '2026-03-01 10:00:00.123457')
      const fired = await bed.store.schedules.fire([tickOf(read)])
      expect(fired).toMatchObject({ moved: [], jobs: 0, queues: [] })
      expect(await jobsOf('s')).toBe(0)
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ executioncount: 0 })
    })

    it('fire nothing where the row was changed since it was read, whatever of it', async () => {
      for (const id of ['off', 'gone', 'other', 'same']) await dueSchedule(id)
      const read = await allDue(bed.store)
      await bed.database.sql(`UPDATE jobs SET enabled = false WHERE id = 'off'`)
      await bed.database.sql(`DELETE FROM jobs WHERE id = 'gone'`)
      await bed.database.sql(`UPDATE jobs SET payload = 'new' WHERE id = 'other'`)
      const fired = await bed.store.schedules.fire(read.map((schedule) => tickOf(schedule)))
      expect(fired.moved).toEqual(['same'])
      expect(await count(bed.database, 'queue_jobs')).toBe(1)
    })

    it('make no second job of a tick that has one, and move on all the same', async () => {
      await dueSchedule('s')
      await bed.database.sql(
        `INSERT INTO queue_jobs (handler, scheduledjobid, scheduledfor) VALUES ('h', 's', '${EXACT}')`,
      )
      const fired = await bed.store.schedules.fire([tickOf(await dueOne(bed.store, 's'))])
      expect(fired).toMatchObject({ moved: ['s'], jobs: 0, queues: [] })
      expect(await jobsOf('s')).toBe(1)
      expect(await allDue(bed.store)).toEqual([])
    })

    it('fire a tick once, however many instances fire it at once', async () => {
      const ids = Array.from({ length: 60 }, (_, number) => `s${number}`)
      for (const id of ids) await dueSchedule(id)
      const stores = Array.from({ length: 4 }, () => bed.database.openStore())
      try {
        const read = await Promise.all(stores.map((store) => allDue(store)))
        const next = Date.now() + HOUR
        const fired = await Promise.all(
          stores.map((store, index) =>
            // In the opposite order on every other one.
            store.schedules.fire(
              (index % 2 === 0 ? read[index]! : read[index]!.toReversed()).map((schedule) =>
                tickOf(schedule, next),
              ),
            ),
          ),
        )
        // Of what one has locked another makes nothing; a further look then finds nothing left.
        const moved = fired.flatMap((each) => each.moved)
        expect(moved.toSorted()).toEqual(ids.toSorted())
        expect(fired.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(60)
        expect(await count(bed.database, 'queue_jobs')).toBe(60)
        expect(await count(bed.database, 'jobs', 'executioncount = 1')).toBe(60)
      } finally {
        await Promise.all(stores.map((store) => store.close()))
      }
    })

    it('never fire more than maxexecutions, however many instances fire them', async () => {
      await dueSchedule('s', { maxexecutions: 5 })
      const stores = Array.from({ length: 4 }, () => bed.database.openStore())
      try {
        await Promise.all(
          stores.map(async (store) => {
            for (let round = 0; round < 12; round += 1) {
              const due = await allDue(store)
              // Each tick is a second after the one before, and all are due.
              await store.schedules.fire(
                due.map((schedule) => tickOf(schedule, (schedule.dueAt ?? 0) + 1_000)),
              )
            }
          }),
        )
      } finally {
        await Promise.all(stores.map((store) => store.close()))
      }
      expect(await jobsOf('s')).toBe(5)
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ executioncount: 5 })
    })

    it('pass over what somebody has locked, and fire the others', async () => {
      await dueSchedule('free')
      await dueSchedule('held')
      const read = await allDue(bed.store)
      const lock = await bed.database.lockRow('held', 'jobs')
      try {
        const fired = await bed.store.schedules.fire(read.map((schedule) => tickOf(schedule)))
        expect(fired.moved).toEqual(['free'])
      } finally {
        await lock.release()
      }
      expect((await allDue(bed.store)).map(({ id }) => id)).toEqual(['held'])
    })

    it('fire all together or not at all', async () => {
      await dueSchedule('good')
      // Its negative is no integer any more.
      await dueSchedule('bad', { priority: -2_147_483_648 })
      const read = await allDue(bed.store)
      await expect(
        bed.store.schedules.fire(read.map((schedule) => tickOf(schedule))),
      ).rejects.toMatchObject({ code: 'database_data' })
      expect(await count(bed.database, 'queue_jobs')).toBe(0)
      expect(await count(bed.database, 'jobs', 'executioncount = 0')).toBe(2)
    })
  })

  describe('whose next tick is computed', () => {
    it('have it written, or why they cannot run, and are not looked at again', async () => {
      await insertSchedule(bed.database, 'runs', { lasterror: 'of before' })
      await insertSchedule(bed.database, 'over')
      await insertSchedule(bed.database, 'bad')
      const next = Date.now() + HOUR
      const plans = (await allDue(bed.store)).map((schedule) => ({
        schedule,
        next: schedule.id === 'runs' ? next : ('never' as const),
        error: schedule.id === 'bad' ? 'it’s wrong' : null,
      }))
      expect((await bed.store.schedules.plan(plans)).toSorted()).toEqual(['bad', 'over', 'runs'])
      const row = (id: string) => scheduleRow(bed.database, id)
      expect(await row('runs')).toMatchObject({ nextrunat: new Date(next), lasterror: null })
      expect(await row('over')).toMatchObject({ nextrunat: NEVER, lasterror: null })
      expect(await row('bad')).toMatchObject({ nextrunat: NEVER, lasterror: 'it’s wrong' })
      expect(await allDue(bed.store)).toEqual([])
      expect(await bed.store.schedules.overview({ errors: 20 })).toEqual({
        nextRunAt: new Date(next),
        inError: [{ id: 'bad', name: 'name of bad', lastError: 'it’s wrong' }],
      })
      const lock = await bed.database.lockRow('bad', 'jobs')
      await bed.store.schedules.reopen()
      await lock.release()
      expect(await allDue(bed.store)).toEqual([])
      await bed.store.schedules.reopen()
      expect((await allDue(bed.store)).map(({ id }) => id)).toEqual(['bad'])
    })

    it('keep nothing that was computed from a row that was changed meanwhile', async () => {
      await insertSchedule(bed.database, 's')
      const schedule = await dueOne(bed.store, 's')
      await bed.database.sql(`UPDATE jobs SET cronexpression = '5 * * * *' WHERE id = 's'`)
      expect(await bed.store.schedules.plan([{ schedule, next: 'never', error: null }])).toEqual([])
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ nextrunat: null })
    })
  })

  describe('that SQL changes', () => {
    it.each([
      ['cronexpression', `'5 * * * *'`],
      ['intervalseconds', '60'],
      ['timezone', `'Europe/Berlin'`],
      ['startat', `'2026-01-01 00:00:00'`],
      ['endat', `'2036-01-01 00:00:00'`],
      ['createdon', `'2026-01-01 00:00:00'`],
      ['maxexecutions', '9'],
      ['executioncount', '0'],
      ['misfirepolicy', `'skip'`],
      ['overlappolicy', `'skip'`],
      ['jitterseconds', '5'],
    ])('have no next tick any more once their %s is another', async (column, value) => {
      await insertSchedule(bed.database, 's', { executioncount: 3, nextrunat: NEVER })
      await bed.database.sql(`UPDATE jobs SET ${column} = ${value} WHERE id = 's'`)
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ nextrunat: null })
    })

    it.each(['enabled', 'active'])('have none once they are made %s again', async (column) => {
      await insertSchedule(bed.database, 's', { nextrunat: EXACT })
      await bed.database.sql(`UPDATE jobs SET ${column} = false WHERE id = 's'`)
      expect((await scheduleRow(bed.database, 's'))['nextrunat']).not.toBeNull()
      await bed.database.sql(`UPDATE jobs SET ${column} = true WHERE id = 's'`)
      expect((await scheduleRow(bed.database, 's'))['nextrunat']).toBeNull()
    })

    it.each([
      ['handler', `'other'`],
      ['payload', `'{}'`],
      ['queue', `'q'`],
      ['priority', '4'],
      ['tenantid', `'t'`],
    ])(
      'are looked at again where they rest with an error and their %s is another',
      async (column, value) => {
        await insertSchedule(bed.database, 's', { nextrunat: NEVER, lasterror: 'unfit' })
        await insertSchedule(bed.database, 'over', { nextrunat: NEVER })
        await bed.database.sql(`UPDATE jobs SET ${column} = ${value}`)
        expect(await scheduleRow(bed.database, 's')).toMatchObject({ nextrunat: null })
        expect(await scheduleRow(bed.database, 'over')).toMatchObject({ nextrunat: NEVER })
      },
    )

    it('keep theirs where something else of them is changed, or nothing', async () => {
      await insertSchedule(bed.database, 's', { nextrunat: NEVER, cronexpression: '1 * * * *' })
      await bed.database.sql(
        `UPDATE jobs SET payload = 'p', handler = 'other', description = 'd', priority = 4,
          cronexpression = '1 * * * *', executioncount = executioncount + 1`,
      )
      expect(await scheduleRow(bed.database, 's')).toMatchObject({ nextrunat: NEVER })
    })
  })
})
