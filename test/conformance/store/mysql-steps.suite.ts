import { expect, it } from 'vitest'
import { count } from './jobs.ts'
import { dueOne, insertSchedule, tickOf } from './schedules.ts'
import { storeSuite } from './store-suite.ts'

/** How far statements walk on MySQL and MariaDB, whose plans cannot be asked for what they did. */
export const mysqlStepsSuite = storeSuite('steps along indexes', (bed) => {
  /** Rows that the server has stepped over so far. */
  async function steps(): Promise<number> {
    const rows = await bed.database.sql(`SHOW GLOBAL STATUS WHERE Variable_name
      IN ('Handler_read_next', 'Handler_read_prev', 'Handler_read_rnd_next')`)
    return rows.reduce((sum, row) => sum + Number(row['Value']), 0)
  }

  async function stepsOf(work: () => Promise<void>): Promise<number> {
    const before = await steps()
    await work()
    const counting = await steps()
    // Looking at the counters steps over all of them.
    return counting - before - ((await steps()) - counting)
  }

  it('a turn of a lane of 100,000 is given by a few steps along indexes', async () => {
    await bed.database.sql(`INSERT INTO queue_jobs (handler, orderingkey)
      WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      SELECT 'h', 'hot' FROM n CROSS JOIN (SELECT i FROM n LIMIT 100) hundred`)
    for (const given of [1, 0]) {
      const taken = await stepsOf(async () => {
        expect(await bed.store.giveTurns([{ tenantId: null, orderingKey: 'hot' }])).toMatchObject({
          count: given,
        })
      })
      expect(taken).toBeLessThan(50)
    }
    const before = await steps()
    const walked = await bed.store.walkTurns({ after: null, limit: 500 })
    expect(walked).toMatchObject({ count: 0, after: '|hot' })
    expect((await steps()) - before).toBeLessThan(10_000)
    expect(await bed.store.walkTurns({ after: walked.after, limit: 500 })).toMatchObject({
      after: null,
    })
  })

  it.each(['allow', 'skip', 'queue'])(
    'a tick of a schedule with 2,000 jobs looks at the last one alone, overlap %s',
    async (overlappolicy) => {
      await insertSchedule(bed.database, 's', { overlappolicy, nextrunat: '2026-03-01 10:00:00' })
      await bed.database
        .sql(`INSERT INTO queue_jobs (handler, statusid, scheduledjobid, scheduledfor)
        WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        SELECT 'h', 3, 's', '2026-03-01 09:00:00' - INTERVAL (n.i * 2 + two.i) SECOND
        FROM n CROSS JOIN (SELECT i FROM n LIMIT 2) two`)
      expect(await count(bed.database, 'queue_jobs')).toBe(2_000)
      const tick = tickOf(await dueOne(bed.store, 's'))
      const taken = await stepsOf(async () => {
        expect(await bed.store.schedules.fire([tick])).toMatchObject({ jobs: 1, overlapped: [] })
      })
      expect(taken).toBeLessThan(50)
    },
  )
})
