import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { nextLook } from '../next-look.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { LEASE_SECONDS, makeFleetHome } from './fleet-home.ts'
import { startFleetLoad } from './fleet-load.ts'
import { readLedger, untilAllEnded } from './ledger.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const ROUNDS = LONG ? 50 : 3
const LIMIT_MS = LONG ? 1_200_000 : 120_000
const INSTANCES = 3
const ENDED_LIMIT_MS = 60_000
const AT_WORK_LIMIT_MS = 5_000

/** What happens in a round, in turn, so that few rounds have every kind. */
const STRIKES = ['kill', 'stop', 'kill and stop', 'stop', 'kill', 'two stops'] as const

/** What a failed attempt may say. A process that stands still has its transactions ended by the server. */
const EXPLAINED = [
  'the process that ran it died or hung%',
  'the database is out of reach%',
  '%idle-in-transaction timeout%',
]

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/**
 * Waits until as many instances as there are have a job that takes longer than a blow, its begin in writing: what is
 * struck is at work then, but for one that was killed a moment ago and still has its leases. Not for ever: another may
 * just be starting again.
 */
async function untilAllWork(database: ProgramDatabase): Promise<void> {
  const from = performance.now()
  while (performance.now() < from + AT_WORK_LIMIT_MS) {
    const [row] = await database.sql(`SELECT count(DISTINCT lockedby) AS n FROM queue_jobs
      WHERE statusid = 2 AND startedat IS NOT NULL AND handler IN ('slow', 'late', 'idle')`)
    if (Number(row?.['n']) >= INSTANCES) return
    await nextLook(from)
  }
}

/** One or two of the instances are struck; at least one goes on. */
async function strike(fleet: Fleet, kind: (typeof STRIKES)[number]): Promise<void> {
  const first = Math.floor(Math.random() * INSTANCES)
  const second = (first + 1 + Math.floor(Math.random() * (INSTANCES - 1))) % INSTANCES
  const pauseMs = (): number => LEASE_SECONDS * 1_000 * (1.2 + Math.random())
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
      const home = await makeFleetHome(database)
      cleanUps.push(() => home.remove())
      const fleet = await startFleet(home, INSTANCES)
      cleanUps.push(() => fleet.remove())
      const load = startFleetLoad({ urls: fleet.urls, database })
      cleanUps.push(() => load.abandon())

      for (let round = 0; round < ROUNDS; round += 1) {
        await delay(300 + 700 * Math.random())
        await untilAllWork(database)
        await strike(fleet, STRIKES[round % STRIKES.length] ?? 'kill')
      }
      await load.finish()
      await untilAllEnded(database, ENDED_LIMIT_MS).catch((error: unknown) => {
        throw new Error(fleet.told(), { cause: error })
      })

      const ledger = await readLedger(database, EXPLAINED)
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
