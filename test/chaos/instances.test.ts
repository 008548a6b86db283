import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { exampleConfiguration, makeFolder, type TestFolder } from '../e2e/program.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { startFleetLoad } from './fleet-load.ts'
import { readLedger, untilAllEnded } from './ledger.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const ROUNDS = LONG ? 50 : 4
const LIMIT_MS = LONG ? 1_200_000 : 120_000
const INSTANCES = 3
const LEASE_SECONDS = 2
const ENDED_LIMIT_MS = 60_000

const HANDLERS: Readonly<Record<string, string>> = {
  // A moment in which it can be killed; of some of them the begin is in writing by then.
  effect: `await effect(); await setTimeout(input.key.endsWith('7') ? 120 : 3)`,
  plain: `await setTimeout(input.key.endsWith('8') ? 120 : 1)`,
  // Longer than a lease, its transaction open.
  slow: `await effect(); await setTimeout(${LEASE_SECONDS * 1_000 + 600}, undefined, { signal })`,
}

const source = (name: string, body: string): string => `
  import { defineHandler } from 'crossdock'
  import { setTimeout } from 'node:timers/promises'
  import { z } from 'zod'

  export default defineHandler({
    name: '${name}',
    input: z.object({ key: z.string() }),
    async run({ input, tx, job, signal }) {
      const effect = () => tx.sql\`insert into effects (messagekey, jobid) values (\${input.key}, \${job.id})\`
      ${body}
      return { key: input.key }
    },
  })
`

/** What happens in a round, in turn, so that few rounds have every kind. */
const STRIKES = ['kill', 'stop', 'kill and stop', 'stop', 'kill', 'two stops'] as const

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/** A place of its own, with the handlers, and a table that shows an effect that happened twice. */
async function makeHome(database: ProgramDatabase): Promise<TestFolder> {
  const names = Object.keys(HANDLERS)
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database.url },
      jobs: {
        workers: 8,
        handlers: ['./handlers'],
        lease_seconds: LEASE_SECONDS,
        // An attempt that a kill or a pause cut off counts.
        max_retries: 1_000,
        retry: { type: 'fixed', initial: '200ms' },
        poll_interval: '500ms',
        shutdown_grace_seconds: 10,
      },
      integrations: {
        http: {
          subscriptions: names.map((name) => ({ name, path: `/in/${name}`, handler: name })),
        },
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  cleanUps.push(() => home.remove())
  await mkdir(path.join(home.folder, 'handlers'))
  for (const [name, body] of Object.entries(HANDLERS)) {
    await writeFile(path.join(home.folder, `handlers/${name}.js`), source(name, body))
  }
  await database.sql(
    'CREATE TABLE effects (messagekey varchar(200) NOT NULL, jobid varchar(64) NOT NULL)',
  )
  return home
}

/** One or two of the instances are struck; at least one goes on. */
async function strike(fleet: Fleet, kind: (typeof STRIKES)[number]): Promise<void> {
  const first = Math.floor(Math.random() * INSTANCES)
  const second = (first + 1 + Math.floor(Math.random() * (INSTANCES - 1))) % INSTANCES
  const pauseMs = (): number => LEASE_SECONDS * 1_000 * (1.1 + 0.8 * Math.random())
  switch (kind) {
    case 'kill':
      await fleet.kill(first)
      break
    case 'stop':
      await fleet.pause(first, pauseMs())
      break
    case 'kill and stop':
      await Promise.all([fleet.kill(first), fleet.pause(second, pauseMs())])
      break
    case 'two stops':
      await Promise.all([fleet.pause(first, pauseMs()), fleet.pause(second, pauseMs())])
  }
}

describe('several instances that are killed and stand still while work comes in', () => {
  it.for(Object.entries(PROGRAM_DATABASES))(
    'complete every job once, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      cleanUps.push(() => database.stop())
      const home = await makeHome(database)
      const fleet = await startFleet(home, INSTANCES)
      cleanUps.push(() => fleet.remove())
      const load = startFleetLoad(fleet.urls, database)
      cleanUps.push(() => load.abandon())

      for (let round = 0; round < ROUNDS; round += 1) {
        await delay(300 + 700 * Math.random())
        await strike(fleet, STRIKES[round % STRIKES.length] ?? 'kill')
      }
      await load.finish()
      await untilAllEnded(database, ENDED_LIMIT_MS).catch((error: unknown) => {
        throw new Error(fleet.told(), { cause: error })
      })

      const ledger = await readLedger(database)
      const { offenders, ...counts } = ledger
      process.stdout.write(
        `${JSON.stringify({
          database: name,
          rounds: ROUNDS,
          kills: fleet.kills,
          stops: fleet.stops,
          sent: load.sent,
          acknowledged: load.acknowledged.size,
          repeats: load.repeats,
          inserted: load.inserted,
          ...counts,
        })}\n`,
      )
      const none = Object.fromEntries(Object.keys(offenders).map((rule) => [rule, []]))
      expect(offenders, fleet.told()).toEqual(none)
      // What was struck was at work.
      expect(ledger.crashed).toBeGreaterThan(0)
      expect(load.acknowledged.size).toBe(load.sent)
      expect(ledger.stored).toBe(load.sent + load.inserted)
      expect(ledger.completions).toBe(ledger.stored)
      expect(ledger.effects).toBe(ledger.writing)
      // One id for each key, however often it was sent, and each is there.
      const answered = [...load.acknowledged.values()].flatMap((ids) => [...ids])
      expect(answered).toHaveLength(load.sent)
      const known = new Set((await database.sql('SELECT id FROM queue_jobs')).map(({ id }) => id))
      expect(answered.filter((id) => !known.has(id))).toEqual([])
      expect(await fleet.stop(), fleet.told()).toEqual(Array(INSTANCES).fill(0))
    },
  )
})
