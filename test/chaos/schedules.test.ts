import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { exampleConfiguration, makeFolder, type TestFolder } from '../e2e/program.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'
import { until } from '../integration/worker/harness.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { LEASE_SECONDS } from './fleet-home.ts'
import { judgeTicks, type DarkTime, type FiredSchedule } from './tick-ledger.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
/** In each round so many are killed at once: in the short form once each, in the long one again and again. */
const STRIKES = LONG ? [1, 2, 3] : [1, 2]
/** The long form goes on for so long, however long a start takes. */
const LASTS_MS = LONG ? 180_000 : 0
const LIMIT_MS = LONG ? 900_000 : 120_000
const INSTANCES = LONG ? 3 : 2
/** The first look after so long makes up for nothing, where a schedule skips: `scheduler_check_interval` and 5 s. */
const GRACE_MS = 5_500
/** A look that comes later than this may find the next tick of every second due already. */
const LATE_MS = 750
/** How long nobody lives in every fifth round of the long form, from half a second before a tick of the one that skips. */
const AWAY_MS = 8_000
const AWAY_EVERY = 5
/** The same in the short form, whenever all are killed: `fire_once` has more than one tick to make up for. */
const MISSED_MS = 2_500

const HANDLER = `
  import { defineHandler } from 'crossdock'

  export default defineHandler({ name: 'tick', async run() { return { ok: true } } })
`

/** All fire each second, and make up for every second in which nobody lived, but for `once` and `skip`. */
const SCHEDULES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  cron: { cronexpression: '* * * * * *' },
  interval: { intervalseconds: 1 },
  condition: { cronexpression: '* * * * * *', condition: 'SELECT count(*) > 0 FROM jobs' },
  template: { cronexpression: '* * * * * *', payload: '{"for":"{{ scheduled_for }}"}' },
  jitter: { intervalseconds: 1, jitterseconds: 1 },
  once: { cronexpression: '* * * * * *', misfirepolicy: 'fire_once' },
  skip: { intervalseconds: 10, misfirepolicy: 'skip' },
}

async function makeHome(database: ProgramDatabase): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database.url, allow_unsafe_conditions: true },
      http: { host: '127.0.0.1', port: 0 },
      jobs: {
        workers: 4,
        handlers: ['./handlers'],
        lease_seconds: LEASE_SECONDS,
        max_retries: 1_000,
        retry: { type: 'fixed', initial: '100ms' },
        poll_interval: '500ms',
        scheduler_check_interval: '500ms',
      },
      schedules: [{ name: 'declared', every: 1, handler: 'tick', misfire: 'fire_all' }],
      logging: { level: 'warn', format: 'json' },
    }),
  )
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/tick.js'), HANDLER)
  return home
}

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/** Inserts the schedules as a person would. */
async function insertSchedules(database: ProgramDatabase, quote: string): Promise<void> {
  for (const [id, given] of Object.entries(SCHEDULES)) {
    const columns = { misfirepolicy: 'fire_all', ...given }
    const names = Object.keys(columns).map((column) => (column === 'condition' ? quote : column))
    const values = Object.values(columns).map((value) =>
      typeof value === 'number' ? String(value) : `'${value}'`,
    )
    await database.sql(`INSERT INTO jobs (id, name, handler, ${names.join(', ')})
      VALUES ('${id}', '${id}', 'tick', ${values.join(', ')})`)
  }
}

/** Kills so many at once. Returns when nobody lived, where that was all of them. */
async function strike(fleet: Fleet, count: number, awayMs: number): Promise<readonly DarkTime[]> {
  const from = Date.now()
  const struck = Array.from({ length: count }, (_, index) => fleet.kill(index, awayMs))
  const first = Promise.race(struck).then(() => Date.now())
  await Promise.all(struck)
  return count === INSTANCES ? [{ from, until: await first }] : []
}

/** Until half a second before the next tick of the schedule that skips. */
async function beforeSkipped(database: ProgramDatabase): Promise<void> {
  const [row] = await database.sql(`SELECT nextrunat FROM jobs WHERE id = 'skip'`)
  const restMs = Number(row?.['nextrunat']) - 500 - Date.now()
  await delay(restMs < 0 ? restMs + 10_000 : restMs)
}

async function readSchedules(
  database: ProgramDatabase,
): Promise<readonly (FiredSchedule & { readonly name: string; readonly executions: number })[]> {
  const rows = await database.sql(
    `SELECT id, name, executioncount, nextrunat, misfirepolicy, intervalseconds
      FROM jobs WHERE handler = 'tick'`,
  )
  return await Promise.all(
    rows.map(async (row) => {
      const jobs = await database.sql(`SELECT scheduledfor, createdon FROM queue_jobs
        WHERE scheduledjobid = '${String(row['id'])}' ORDER BY scheduledfor`)
      return {
        name: String(row['name']),
        executions: Number(row['executioncount']),
        misfire: row['misfirepolicy'] as FiredSchedule['misfire'],
        everyMs: Number(row['intervalseconds'] ?? 1) * 1_000,
        nextRunAt: Number(row['nextrunat']),
        jobs: jobs.map((job) => ({
          tick: Number(job['scheduledfor']),
          insertedAt: Number(job['createdon']),
        })),
      }
    }),
  )
}

describe('instances that are killed and started again while schedules fire each second', () => {
  it.for(killedDatabases('PostgreSQL'))(
    'give every tick exactly one job, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      cleanUps.push(() => database.stop())
      const home = await makeHome(database)
      cleanUps.push(() => home.remove())
      const fleet = await startFleet(home, INSTANCES)
      cleanUps.push(() => fleet.remove())
      const from = Date.now()
      await insertSchedules(database, name === 'MariaDB' ? '`condition`' : 'condition')
      // What it leaves out is counted from its first job on.
      await until(
        async () => {
          const [row] = await database.sql(
            `SELECT count(*) AS n FROM queue_jobs WHERE scheduledjobid = 'once'`,
          )
          return Number(row?.['n']) > 0
        },
        'a first tick',
        20_000,
      )
      const dark: DarkTime[] = []
      let rounds = 0
      for (; rounds < STRIKES.length || Date.now() < from + LASTS_MS; rounds += 1) {
        const isAway = LONG && rounds % AWAY_EVERY === AWAY_EVERY - 1
        await (isAway ? beforeSkipped(database) : delay(Math.random() * (LONG ? 1_500 : 700)))
        const count = isAway ? INSTANCES : STRIKES[rounds % STRIKES.length]!
        const awayMs = !LONG && count === INSTANCES ? MISSED_MS : 0
        dark.push(...(await strike(fleet, count, isAway ? AWAY_MS : awayMs)))
      }
      const now = name === 'MariaDB' ? 'UTC_TIMESTAMP(6)' : 'clock_timestamp()'
      await until(
        async () => {
          const [row] = await database.sql(`SELECT count(*) AS n FROM jobs
            WHERE handler = 'tick' AND (nextrunat IS NULL OR nextrunat < ${now}
              OR (executioncount < 5 AND id <> 'skip'))`)
          return Number(row?.['n']) === 0
        },
        'every schedule to have made up for what was missed',
        LONG ? 180_000 : 20_000,
      )
      expect(await fleet.stop(), fleet.told()).toEqual(Array.from({ length: INSTANCES }, () => 0))

      const minutes = ((Date.now() - from) / 60_000).toFixed(1)

      const schedules = await readSchedules(database)
      expect(schedules).toHaveLength(Object.keys(SCHEDULES).length + 1)
      // `cron` has the ticks of `once`, and leaves none out: where a tick of it had to be made up for, the machine was slow.
      const lateTicks = new Set(
        schedules
          .find(({ name: which }) => which === 'cron')
          ?.jobs.filter(({ tick, insertedAt }) => insertedAt - tick > LATE_MS)
          .map(({ tick }) => tick),
      )
      const isLate = (tick: number): boolean => lateTicks.has(tick)
      const leftOut = new Map<string, number>()
      for (const schedule of schedules) {
        const verdict = judgeTicks(schedule, { dark, graceMs: GRACE_MS, isLate })
        leftOut.set(schedule.name, verdict.leftOut)
        // A template has 250 ms: on a machine that is short of time one may need longer, and that tick is lost.
        const mayLose = schedule.name === 'template' && LONG ? schedule.jobs.length / 100 : 0
        if (verdict.problems.length > mayLose) {
          expect(verdict.problems, `${schedule.name}\n${fleet.told()}`).toEqual([])
        }
        expect(schedule.executions, schedule.name).toBe(schedule.jobs.length)
      }
      process.stdout.write(
        `${JSON.stringify({
          database: name,
          minutes,
          rounds,
          kills: fleet.kills,
          dark: dark.length,
          jobs: Object.fromEntries(schedules.map((each) => [each.name, each.jobs.length])),
          leftOut: Object.fromEntries(leftOut),
        })}\n`,
      )
      // There was something to leave out.
      expect(leftOut.get('once')).toBeGreaterThan(0)
      if (LONG) expect(leftOut.get('skip')).toBeGreaterThan(0)
      expect(fleet.kills).toBeGreaterThanOrEqual(STRIKES.reduce((sum, each) => sum + each, 0))
    },
  )
})
