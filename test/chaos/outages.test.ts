import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { send, type Answer } from '../e2e/http-client.ts'
import { PROGRAM_DATABASES } from '../services/program-database.ts'
import { startFleet } from './fleet.ts'
import { makeFleetHome } from './fleet-home.ts'
import { startFleetLoad } from './fleet-load.ts'
import { readLedger, untilAllEnded } from './ledger.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const OUTAGES = LONG ? 6 : 1
/** Longer than a message waits for a database that is away. */
const OUTAGE_MS = LONG ? 15_000 : 6_500
const TERMINATIONS = LONG ? 200 : 12
const LIMIT_MS = LONG ? 600_000 : 120_000

const CLIENTS = 100
const BODY_BYTES = 200_000

/** Generous: what waits for the database is bounded by 128 MiB, and the rest is garbage not yet collected. */
const MAX_RSS_BYTES = 700 * 1024 * 1024

/** What a failed attempt may say whose transaction lost its connection. */
const EXPLAINED = [
  'the process that ran it died or hung%',
  'the database is out of reach%',
  '%onnection%',
  '%terminat%',
  '%ECONNRE%',
  '%EPIPE%',
  '%the database system is%',
  '%the transaction of this job has ended already%',
]

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/** Asks until the answer is as it should be, and returns it. */
async function untilAnswered(
  url: string,
  isRight: (answer: Answer) => boolean,
  limitMs = 20_000,
): Promise<Answer> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await send(url)
    if (isRight(answer)) return answer
    if (performance.now() > deadline) throw new Error(`${url} still answers ${answer.text}`)
    await delay(50)
  }
}

async function rssOf(url: string): Promise<number> {
  const { body } = await send(`${url}/status`)
  return (body['memory'] as { readonly rss_bytes: number }).rss_bytes
}

const isDown = ({ body }: Answer): boolean => body['status'] === 'down'
const isUp = ({ status, body }: Answer): boolean => status === 200 && body['status'] === 'ok'

describe('a database that goes away and breaks connections while messages come in', () => {
  it.for(Object.entries(PROGRAM_DATABASES))(
    'costs no acknowledged message and no memory without bound, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      cleanUps.push(() => database.stop())
      if (!database.controllable) return skip('the server is not ours to stop')
      const home = await makeFleetHome(database)
      cleanUps.push(() => home.remove())
      const fleet = await startFleet(home, 1)
      cleanUps.push(() => fleet.remove())
      const [url = ''] = fleet.urls
      const load = startFleetLoad({
        urls: fleet.urls,
        database,
        clients: CLIENTS,
        pauseMs: 500,
        paddingBytes: BODY_BYTES,
        answerMs: 15_000,
        inserts: false,
      })
      cleanUps.push(() => load.abandon())
      await expect.poll(() => load.acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(CLIENTS)
      const before = await rssOf(url)

      let highest = 0
      for (let outage = 0; outage < OUTAGES; outage += 1) {
        await database.kill()
        const down = await untilAnswered(`${url}/health`, isDown)
        expect(down.status).toBe(503)
        const acknowledged = load.acknowledged.size
        const refusedBefore = load.refused
        for (const until = performance.now() + OUTAGE_MS; performance.now() < until;) {
          highest = Math.max(highest, await rssOf(url))
          await delay(100)
        }
        expect(load.refused, 'messages were refused').toBeGreaterThan(refusedBefore)
        expect(load.acknowledged.size, 'none was acknowledged').toBe(acknowledged)
        await database.restart()
        await untilAnswered(`${url}/health`, isUp)
        await expect
          .poll(() => load.acknowledged.size, { timeout: 20_000 })
          .toBeGreaterThan(acknowledged)
      }

      let terminated = 0
      for (let round = 0; round < TERMINATIONS; round += 1) {
        terminated += await database.terminateConnections()
        await delay(150 * Math.random())
      }
      expect(terminated).toBeGreaterThan(TERMINATIONS)
      await load.finish()
      await untilAllEnded(database, 60_000).catch((error: unknown) => {
        throw new Error(fleet.told(), { cause: error })
      })
      const after = await rssOf(url)

      const { offenders, ...counts } = await readLedger(database, EXPLAINED)
      const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024)
      process.stdout.write(
        `${JSON.stringify({
          database: name,
          outages: OUTAGES,
          terminated,
          sent: load.sent,
          acknowledged: load.acknowledged.size,
          refused: load.refused,
          ...counts,
          rssMegabytes: {
            before: megabytes(before),
            highestInOutage: megabytes(highest),
            after: megabytes(after),
          },
        })}\n`,
      )
      const none = Object.fromEntries(Object.keys(offenders).map((rule) => [rule, []]))
      expect(offenders, fleet.told()).toEqual(none)
      expect(load.acknowledged.size).toBe(load.sent)
      expect(counts.stored).toBe(load.sent)
      expect(counts.effects).toBe(counts.writing)
      const answered = [...load.acknowledged.values()].flatMap((ids) => [...ids])
      expect(answered).toHaveLength(load.sent)
      const known = new Set((await database.sql('SELECT id FROM queue_jobs')).map(({ id }) => id))
      expect(answered.filter((id) => !known.has(id))).toEqual([])
      expect(highest).toBeGreaterThan(0)
      expect(highest).toBeLessThan(MAX_RSS_BYTES)
      expect(await fleet.stop(), fleet.told()).toEqual([0])
    },
  )
})
