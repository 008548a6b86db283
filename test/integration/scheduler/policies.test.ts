import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertSchedule, scheduleRow } from '../../conformance/store/schedules.ts'
import type { Row, TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { startScheduler, type RunningScheduler } from './start-scheduler.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

const NEVER = Date.parse('9999-12-31T00:00:00Z')

describe.each(SHARED_TARGETS)('policies of schedules on $name', (target) => {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let running: RunningScheduler | undefined

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
  })

  afterEach(async () => {
    if (server === undefined) return
    await running?.stop()
    running = undefined
    await database.drop()
  })

  async function start(hasHandler?: (name: string) => boolean): Promise<RunningScheduler> {
    const started = await startScheduler(database.openStore(), {
      checkIntervalMs: 400,
      ...(hasHandler !== undefined && { hasHandler }),
    })
    running = started
    return started
  }

  const jobsOf = (id: string): Promise<readonly Row[]> =>
    database.sql('SELECT * FROM queue_jobs WHERE scheduledjobid = ? ORDER BY scheduledfor', [id])

  const untilRow = (id: string, what: string, test: (row: Row) => boolean): Promise<Row> =>
    until(async () => {
      const row = await scheduleRow(database, id)
      return test(row) && row
    }, `${what} of ${id}`)

  /** A schedule of every minute whose ticks of the last ten minutes nobody fired. */
  async function missed(id: string, columns: Row): Promise<number> {
    const latest = Math.floor(Date.now() / 60_000) * 60_000
    await insertSchedule(database, id, {
      cronexpression: '* * * * *',
      nextrunat: new Date(latest - 600_000),
      ...columns,
    })
    return latest
  }

  it('make up for every missed tick, none, or the latest', async () => {
    const latest = await missed('all', { misfirepolicy: 'fire_all' })
    await missed('once', {})
    const hourly = { cronexpression: '0 0 1 1 *', nextrunat: new Date(latest - 600_000) }
    await insertSchedule(database, 'skips', { ...hourly, misfirepolicy: 'skip' })
    await insertSchedule(database, 'limited', {
      ...hourly,
      cronexpression: '* * * * *',
      misfirepolicy: 'fire_all',
      maxexecutions: 4,
    })
    await start()
    await untilRow('all', 'every tick', ({ executioncount }) => Number(executioncount) >= 11)
    await untilRow('skips', 'the next tick', ({ nextrunat }) => Number(nextrunat) > Date.now())
    const limited = await untilRow('limited', 'its end', (row) => row['executioncount'] === 4)
    expect(Number(limited['nextrunat'])).toBe(NEVER)
    const ticks = (await jobsOf('all')).map((job) => Number(job['scheduledfor']))
    expect(ticks.slice(0, 11)).toEqual(
      Array.from({ length: 11 }, (_, number) => latest - 600_000 + number * 60_000),
    )
    expect(await jobsOf('skips')).toEqual([])
    expect((await jobsOf('once')).length).toBeLessThanOrEqual(2)
    expect(await jobsOf('limited')).toHaveLength(4)
  })

  it('spread jobs over the jitter, and keep their ticks', async () => {
    await insertSchedule(database, 's', { cronexpression: '* * * * * *', jitterseconds: 3_600 })
    await start()
    await until(async () => (await jobsOf('s')).length >= 3, 'three jobs')
    const jobs = await jobsOf('s')
    for (const job of jobs) {
      expect(Number(job['scheduledfor']) % 1_000).toBe(0)
      expect(job).toMatchObject({ statusid: 7 })
      const delay = Number(job['scheduledat']) - Number(job['scheduledfor'])
      expect(delay).toBeGreaterThanOrEqual(0)
      expect(delay).toBeLessThan(3_610_000)
    }
    expect(new Set(jobs.map((job) => Number(job['scheduledat']))).size).toBe(jobs.length)
  })

  it('make payloads of templates, byte for byte but for the expressions', async () => {
    const at = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 5_000)
    const due = { cronexpression: '0 0 1 1 *', nextrunat: at }
    const payload = `{ "big": 12345678901234567890,"for":"{{ scheduled_for }}", "n": {{ schedule.executions + 1 }},
      "text": "Report of {{ $substring(scheduled_for, 0, 10) & ' \\u00e4' }} \\"x\\"" }`
    await insertSchedule(database, 't', { ...due, payload })
    await insertSchedule(database, 'plain', { ...due, payload: ' {"a": 1.0 ,"b":"}}"}\n' })
    await insertSchedule(database, 'wrong', { ...due, payload: '{"a": {{ 1 + }} }' })
    await insertSchedule(database, 'endless', {
      ...due,
      payload: '{"a": {{ ($f := function($n) { $f($n + 1) }; $f(0)) }} }',
    })
    const { logged } = await start()
    for (const id of ['t', 'plain']) {
      await untilRow(id, 'the tick', ({ executioncount }) => executioncount === 1)
    }
    const [job] = await jobsOf('t')
    expect(job!['payload']).toBe(
      `{ "big": 12345678901234567890,"for":"${at.toISOString()}", "n": 1,
      "text": "Report of ${at.toISOString().slice(0, 10)} ä \\"x\\"" }`,
    )
    expect((await jobsOf('plain'))[0]!['payload']).toBe(' {"a": 1.0 ,"b":"}}"}\n')
    const wrong = await untilRow('wrong', 'the error', ({ lasterror }) => lasterror !== null)
    expect(wrong['lasterror']).toContain(`its payload cannot be made: in '{{ 1 + }}'`)
    expect(Number(wrong['nextrunat'])).toBeGreaterThan(Date.now())
    const endless = await untilRow('endless', 'the error', ({ lasterror }) => lasterror !== null)
    expect(endless['lasterror']).toContain('its payload cannot be made')
    const warned = logged.filter(({ level }) => level === 'warn')
    expect(warned.length).toBeGreaterThanOrEqual(2)
  })

  it('fire what nobody here has a handler for, and say so', async () => {
    await insertSchedule(database, 'odd', { cronexpression: '* * * * * *', handler: 'not.here' })
    await insertSchedule(database, 'none', { cronexpression: '* * * * * *', handler: '' })
    const { logged } = await start((name) => name === 'test.handler')
    const row = await untilRow('odd', 'a tick', ({ executioncount }) => Number(executioncount) > 1)
    expect(row['lasterror']).toContain(`no handler 'not.here'`)
    const none = await untilRow('none', 'the error', ({ lasterror }) => lasterror !== null)
    expect(none).toMatchObject({ executioncount: 0 })
    expect(none['lasterror']).toContain('handler is empty')
    expect(logged.filter(({ level }) => level === 'warn')).toHaveLength(2)
    await database.sql(`UPDATE jobs SET handler = 'test.handler' WHERE id = 'none'`)
    await untilRow('none', 'a tick', ({ executioncount }) => Number(executioncount) > 0)
  })
})
