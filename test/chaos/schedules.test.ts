import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { exampleConfiguration, makeFolder, type TestFolder } from '../e2e/program.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { until } from '../integration/worker/harness.ts'
import { startFleet } from './fleet.ts'
import { LEASE_SECONDS } from './fleet-home.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
/** In each round so many are killed at once. */
const ROUNDS = LONG ? Array.from({ length: 60 }, (_, round) => 1 + (round % 3)) : [1, 2]
const LIMIT_MS = LONG ? 900_000 : 120_000
const INSTANCES = LONG ? 3 : 2
const SECOND_MS = 1_000

const HANDLER = `
  import { defineHandler } from 'crossdock'

  export default defineHandler({ name: 'tick', async run() { return { ok: true } } })
`

/** Each of these fires each second, and makes up for every second in which nobody lived. */
const SCHEDULES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  cron: { cronexpression: '* * * * * *' },
  interval: { intervalseconds: 1 },
  condition: { cronexpression: '* * * * * *', condition: 'SELECT count(*) > 0 FROM jobs' },
  template: { cronexpression: '* * * * * *', payload: '{"for":"{{ scheduled_for }}"}' },
  jitter: { intervalseconds: 1, jitterseconds: 1 },
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

describe('instances that are killed and started again while schedules fire each second', () => {
  it.for(Object.entries(PROGRAM_DATABASES))(
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
      const quote = name === 'MariaDB' ? '`condition`' : 'condition'
      for (const [id, columns] of Object.entries(SCHEDULES)) {
        const names = Object.keys(columns).map((column) =>
          column === 'condition' ? quote : column,
        )
        const values = Object.values(columns).map((value) =>
          typeof value === 'number' ? String(value) : `'${value}'`,
        )
        await database.sql(`INSERT INTO jobs (id, name, handler, misfirepolicy, ${names.join(', ')})
          VALUES ('${id}', '${id}', 'tick', 'fire_all', ${values.join(', ')})`)
      }
      for (const count of ROUNDS) {
        await delay(Math.random() * (LONG ? 1_500 : 700))
        await Promise.all([0, 1, 2].slice(0, count).map((index) => fleet.kill(index)))
      }
      const now = name === 'MariaDB' ? 'UTC_TIMESTAMP(6)' : 'clock_timestamp()'
      await until(
        async () => {
          const [row] = await database.sql(`SELECT count(*) AS n FROM jobs
            WHERE handler = 'tick' AND (executioncount < 5 OR nextrunat < ${now})`)
          return Number(row?.['n']) === 0
        },
        'every schedule to have made up for what was missed',
        20_000,
      )
      expect(await fleet.stop(), fleet.told()).toEqual(Array.from({ length: INSTANCES }, () => 0))

      const schedules = await database.sql(
        `SELECT id, name, executioncount, nextrunat FROM jobs WHERE handler = 'tick'`,
      )
      expect(schedules).toHaveLength(Object.keys(SCHEDULES).length + 1)
      for (const schedule of schedules) {
        const rows = await database.sql(
          `SELECT scheduledfor FROM queue_jobs WHERE scheduledjobid = '${String(schedule['id'])}'
            ORDER BY scheduledfor`,
        )
        const ticks = rows.map((row) => Number(row['scheduledfor']))
        const first = ticks[0]!
        const every = ticks.map((_, number) => first + number * SECOND_MS)
        expect(ticks, `${String(schedule['name'])}\n${fleet.told()}`).toEqual(every)
        expect(ticks.length, String(schedule['name'])).toBeGreaterThanOrEqual(5)
        expect(schedule['executioncount'], String(schedule['name'])).toBe(ticks.length)
        expect(Number(schedule['nextrunat'])).toBe(ticks.at(-1)! + SECOND_MS)
      }
      expect(fleet.kills).toBe(ROUNDS.reduce((sum, each) => sum + each, 0))
    },
  )
})
