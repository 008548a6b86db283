import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { scheduleRow } from '../../conformance/store/schedules.ts'
import type { Row, Target, TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { startScheduler, type RunningScheduler } from './start-scheduler.ts'

const PROGRAM = path.join(import.meta.dirname, 'scheduler-program.ts')
const SECOND_MS = 1_000

/** How the scheduler of a database comes to know of what others write. */
export interface Noticing {
  readonly checkIntervalMs: number
  /** A change by SQL has had its effect by then. */
  readonly noticedMs: number
}

/** A file for each database, so that they run side by side: they wait for ticks. */
export function schedulesSuite(target: Target, { checkIntervalMs, noticedMs }: Noticing): void {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let running: RunningScheduler[] = []
  let child: ChildProcess | undefined

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
  })

  afterEach(async () => {
    if (server === undefined) return
    child?.kill('SIGKILL')
    child = undefined
    await Promise.all(running.map((each) => each.stop()))
    running = []
    await database.drop()
  })

  async function start(): Promise<RunningScheduler> {
    const started = await startScheduler(database.openStore(), { checkIntervalMs })
    running.push(started)
    return started
  }

  /** Another process; resolves when it has fired something. */
  async function startProcess(): Promise<ChildProcess> {
    const started = spawn(process.execPath, [PROGRAM, database.url, String(checkIntervalMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child = started
    await new Promise<void>((resolve, reject) => {
      started.once('exit', reject)
      started.stdout.on('data', (text: Buffer) => {
        if (/[1-9]/.test(text.toString())) resolve()
      })
    })
    return started
  }

  async function insert(id: string, when: string): Promise<void> {
    await database.sql(
      `INSERT INTO jobs (id, name, handler, ${when.split('=')[0]!}) VALUES (?, ?, 'h', ?)`,
      [id, id, when.split('=')[1]!],
    )
  }

  async function ticks(id: string): Promise<readonly number[]> {
    const rows = await database.sql(
      'SELECT scheduledfor AS at FROM queue_jobs WHERE scheduledjobid = ? ORDER BY scheduledfor',
      [id],
    )
    return rows.map((row) => Number(row['at']))
  }

  /** The row of a schedule, once `test` holds. */
  async function untilRow(
    id: string,
    what: string,
    test: (row: Row) => boolean,
    limitMs = noticedMs,
  ): Promise<Row> {
    return await until(
      async () => {
        const row = await scheduleRow(database, id)
        return test(row) && row
      },
      `${what} of ${id}`,
      limitMs,
    )
  }

  it('fire once each tick, and miss none, on several instances of which one is killed', async () => {
    await start()
    await start()
    const ids = ['cron-1', 'cron-2', 'interval-1', 'interval-2']
    for (const id of ids) {
      await insert(id, id.startsWith('cron') ? 'cronexpression=* * * * * *' : 'intervalseconds=1')
    }
    const killed = await startProcess()
    const before = await ticks('cron-1')
    await until(async () => (await ticks('cron-1')).length >= before.length + 2, 'two more ticks')
    killed.removeAllListeners('exit')
    killed.kill('SIGKILL')
    for (const id of ids) {
      await until(async () => (await ticks(id)).length >= before.length + 6, `ticks of ${id}`)
    }
    await Promise.all(running.map((each) => each.stop()))
    running = []
    for (const id of ids) {
      const fired = await ticks(id)
      const expected = fired.map((_, index) => fired[0]! + index * SECOND_MS)
      expect(fired, id).toEqual(expected)
      const row = await scheduleRow(database, id)
      expect(row).toMatchObject({ executioncount: fired.length })
      expect(Number(row['nextrunat'])).toBe(fired.at(-1)! + SECOND_MS)
    }
  })

  it('that SQL inserts, changes, switches off and on or deletes follow it with no restart', async () => {
    await start()
    // It sleeps by now.
    await insert('first', 'cronexpression=0 0 1 1 *')
    await untilRow('first', 'the next tick', (row) => row['nextrunat'] !== null)
    await insert('s', 'cronexpression=* * * * * *')
    await untilRow('s', 'the next tick', (row) => row['nextrunat'] !== null)
    await until(async () => (await ticks('s')).length > 0, 'the first tick', 2 * SECOND_MS)
    await database.sql(`UPDATE jobs SET enabled = false WHERE id = 's'`)
    await database.sql(`UPDATE jobs SET cronexpression = '0 12 31 12 *' WHERE id = 's'`)
    const off = (await ticks('s')).length
    await database.sql(`UPDATE jobs SET enabled = true WHERE id = 's'`)
    const row = await untilRow('s', 'the changed tick', ({ nextrunat }) => nextrunat !== null)
    expect(new Date(Number(row['nextrunat'])).toISOString()).toMatch(/-12-31T12:00:00/)
    expect(await ticks('s')).toHaveLength(off)
    await database.sql(`DELETE FROM jobs WHERE id = 's'`)
  })

  it('of the documentation work as they stand', async () => {
    await start()
    await database.sql(`INSERT INTO jobs
        (id, name, description, handler, cronexpression, enabled, priority, maxretries, createdby)
      VALUES ('daily', 'Daily report', 'd', 'reports.daily', '0 8 * * *', true, 5, 3, 'ada')`)
    await database.sql(`INSERT INTO jobs
        (id, name, description, handler, intervalseconds, enabled, priority, maxretries, createdby)
      VALUES ('health', 'Health check', 'd', 'system.health', 300, true, 10, 1, 'ada')`)
    await database.sql(`INSERT INTO jobs
        (id, name, description, handler, cronexpression, enabled, priority, maxretries, createdby)
      VALUES ('monthly', 'Clean-up', 'd', 'system.cleanup', '0 0 1 * *', true, 0, 3, 'ada')`)
    const next: Record<string, number> = {}
    for (const id of ['daily', 'health', 'monthly']) {
      const row = await untilRow(id, 'the next tick', ({ nextrunat }) => nextrunat !== null)
      expect(row).toMatchObject({ lasterror: null, createdby: 'ada', executioncount: 0 })
      next[id] = Number(row['nextrunat'])
    }
    expect(new Date(next['daily']!).toISOString()).toMatch(/T08:00:00\.000Z$/)
    expect(next['daily']! - Date.now()).toBeLessThanOrEqual(24 * 3_600_000)
    expect(new Date(next['monthly']!).toISOString()).toMatch(/-01T00:00:00\.000Z$/)
    const { createdon } = await scheduleRow(database, 'health')
    expect(Math.abs(next['health']! - Number(createdon) - 300_000)).toBeLessThanOrEqual(1)
  })

  it('that cannot run say why, stop nothing else, and run once they are mended', async () => {
    const { logged } = await start()
    await insert('bad', 'cronexpression=61 * * * *')
    await insert('good', 'cronexpression=* * * * * *')
    // The database takes no job of it: its negative is no integer.
    await database.sql(`INSERT INTO jobs (id, name, handler, cronexpression, priority)
      VALUES ('unfit', 'unfit', 'h', '* * * * * *', -2147483648)`)
    const bad = await untilRow('bad', 'the error', ({ lasterror }) => lasterror !== null)
    expect(bad['lasterror']).toContain(`'61 * * * *' cannot be read`)
    const unfit = await untilRow(
      'unfit',
      'the error',
      ({ lasterror }) => lasterror !== null,
      noticedMs + 3 * SECOND_MS,
    )
    expect(unfit['lasterror']).toContain('the database takes no job of it')
    await until(async () => (await ticks('good')).length >= 3, 'ticks of the good one')
    expect(logged.filter(({ level }) => level !== 'debug')).toHaveLength(2)
    await database.sql(`UPDATE jobs SET cronexpression = '1 0 1 1 *' WHERE id = 'bad'`)
    await untilRow('bad', 'no error', ({ lasterror }) => lasterror === null)
  })

  it('go on by themselves when the connections were broken', async () => {
    const { scheduler } = await start()
    await insert('s', 'intervalseconds=1')
    await until(async () => (await ticks('s')).length > 0, 'the first tick')
    await database.breakConnections()
    const before = (await ticks('s')).length
    await until(async () => (await ticks('s')).length >= before + 3, 'further ticks')
    expect(scheduler.statistics()).toMatchObject({ running: true, failures: 0 })
  })

  it('fire when somebody writes that they are due', async () => {
    await start()
    await insert('s', 'cronexpression=0 0 1 1 *')
    const planned = await untilRow('s', 'the next tick', ({ nextrunat }) => nextrunat !== null)
    const asked = new Date(Math.floor(Date.now() / 1000) * 1000 - 1_000)
    await database.sql(`UPDATE jobs SET nextrunat = ? WHERE id = 's'`, [asked])
    const fired = await untilRow('s', 'the tick', ({ executioncount }) => executioncount === 1)
    expect(await ticks('s')).toEqual([asked.getTime()])
    expect(fired['nextrunat']).toEqual(planned['nextrunat'])
  })

  it('that were missed fire once, for the latest tick', async () => {
    await insert('missed', 'intervalseconds=60')
    const anchor = Math.floor(Date.now() / 60_000) * 60_000 - 50_000
    const times = [new Date(anchor - 86_400_000), new Date(anchor - 3_600_000)]
    await database.sql('UPDATE jobs SET createdon = ?', [times[0]])
    await database.sql('UPDATE jobs SET nextrunat = ?', [times[1]])
    await start()
    await untilRow('missed', 'the tick', ({ executioncount }) => executioncount === 1)
    const [tick, ...others] = await ticks('missed')
    expect(others).toEqual([])
    expect(Date.now() - tick!).toBeLessThan(70_000)
    expect(Number((await scheduleRow(database, 'missed'))['nextrunat'])).toBe(tick! + 60_000)
  })

  it('ten thousand that are due at once fire once each, by three instances', async () => {
    const due = '2026-01-01 00:00:00'
    for (let part = 0; part < 10; part += 1) {
      const rows = Array.from({ length: 1_000 }, (_, number) => `s${part}-${number}`)
      await database.sql(
        `INSERT INTO jobs (id, name, handler, cronexpression, nextrunat) VALUES ${rows
          .map((id) => `('${id}', '${id}', 'h', '0 0 1 1 *', '${due}')`)
          .join(', ')}`,
      )
    }
    await Promise.all([start(), start(), start()])
    await until(
      async () => {
        const [row] = await database.sql('SELECT count(*) AS n FROM queue_jobs')
        return Number(row!['n']) === 10_000
      },
      'every job',
      25_000,
    )
    await Promise.all(running.map((each) => each.stop()))
    running = []
    const [row] = await database.sql(`SELECT count(DISTINCT scheduledjobid) AS n FROM queue_jobs`)
    expect(Number(row!['n'])).toBe(10_000)
    const [moved] = await database.sql(`SELECT count(*) AS n FROM jobs
      WHERE executioncount = 1 AND nextrunat > '${due}'`)
    expect(Number(moved!['n'])).toBe(10_000)
  })
}
