import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { exampleConfiguration, makeFolder, type TestFolder } from '../e2e/program.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'
import { startFleet } from './fleet.ts'
import { LEASE_SECONDS } from './fleet-home.ts'
import { untilAllEnded } from './ledger.ts'
import { failsForGood, startTurnLoad } from './turn-load.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const ROUNDS = LONG ? 40 : 2
const LIMIT_MS = LONG ? 900_000 : 120_000
const INSTANCES = 3
const KEYS = 20

/** Writes what the table held of its key when it ran: who was committed last before it. */
const HANDLER = `
  import { defineHandler, PermanentError } from 'crossdock'
  import { setTimeout } from 'node:timers/promises'

  export default defineHandler({
    name: 'turn',
    async run({ input, tx }) {
      const { key, n } = input
      if (n % 7 === 3) throw new PermanentError('this one never works')
      const [before] = await tx.sql\`select max(n) as last from effects where orderingkey = \${key}\`
      await setTimeout(n % 10 === 7 ? 150 : 3)
      await tx.sql\`insert into effects (orderingkey, n, before_n) values (\${key}, \${n}, \${before.last ?? 0})\`
    },
  })
`

async function makeHome(database: ProgramDatabase): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database.url },
      http: { host: '127.0.0.1', port: 0 },
      jobs: {
        workers: 8,
        handlers: ['./handlers'],
        lease_seconds: LEASE_SECONDS,
        max_retries: 1_000,
        retry: { type: 'fixed', initial: '100ms' },
        poll_interval: '500ms',
        shutdown_grace_seconds: 10,
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/turn.js'), HANDLER)
  await database.sql('CREATE TABLE effects (orderingkey varchar(50), n integer, before_n integer)')
  return home
}

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

describe('several instances that are killed and stand still while jobs with ordering keys come in', () => {
  it.for(killedDatabases('MariaDB'))(
    'run each key in order, every job once, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      cleanUps.push(() => database.stop())
      const home = await makeHome(database)
      cleanUps.push(() => home.remove())
      const fleet = await startFleet(home, INSTANCES)
      cleanUps.push(() => fleet.remove())
      const load = startTurnLoad({ urls: fleet.urls, database, keys: KEYS })
      cleanUps.push(() => load.abandon())

      for (let round = 0; round < ROUNDS; round += 1) {
        await delay(300 + 700 * Math.random())
        const first = Math.floor(Math.random() * INSTANCES)
        const pauseMs = LEASE_SECONDS * 1_000 * (1.1 + 0.8 * Math.random())
        if (round % 2 === 0) await fleet.kill(first)
        else
          await Promise.all([
            fleet.pause(first, pauseMs),
            ...(round % 4 === 3 ? [fleet.kill((first + 1) % INSTANCES)] : []),
          ])
      }
      await load.finish()
      await untilAllEnded(database, 60_000).catch((error: unknown) => {
        throw new Error(fleet.told(), { cause: error })
      })

      const effects = await database.sql('SELECT orderingkey, n, before_n FROM effects')
      process.stdout.write(
        `${JSON.stringify({ database: name, kills: fleet.kills, stops: fleet.stops, effects: effects.length })}\n`,
      )
      for (const [key, jobs] of load.sent) {
        const works = Array.from({ length: jobs }, (_, index) => index + 1).filter(
          (n) => !failsForGood(n),
        )
        const seen = effects
          .filter((row) => row['orderingkey'] === key)
          .map((row) => [Number(row['before_n']), Number(row['n'])] as const)
          .sort(([, a], [, b]) => a - b)
        expect(seen, fleet.told()).toEqual(works.map((n, index) => [works[index - 1] ?? 0, n]))
      }
      const failed = await database.sql('SELECT payload FROM queue_jobs WHERE statusid = 4')
      const numbers = failed.map(({ payload }) => Number(/"n":(\d+)/.exec(String(payload))?.[1]))
      expect(numbers.filter((n) => !failsForGood(n))).toEqual([])
      expect(await database.sql('SELECT id FROM queue_jobs WHERE statusid = 6')).toEqual([])
      expect(await fleet.stop(), fleet.told()).toEqual(Array(INSTANCES).fill(0))
    },
  )
})
