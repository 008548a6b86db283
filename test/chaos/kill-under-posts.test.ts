import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../e2e/program.ts'
import { createDatabase } from '../services/database.ts'
import { freePort } from '../services/free-port.ts'
import { createMariadbDatabase, startMariadb } from '../services/mariadb.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { startOrSkip } from '../services/require.ts'
import { startPosting, type Posting } from './posts.ts'
import { homeSql } from '../e2e/home-sql.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const POSTS = LONG ? 5_000 : 500
const KILLS = LONG ? 5 : 2
const LIMIT_MS = LONG ? 900_000 : 170_000

const HANDLER = `
  import { defineHandler } from 'crossdock'
  import { setTimeout } from 'node:timers/promises'
  import { z } from 'zod'

  export default defineHandler({
    name: 'effect',
    input: z.object({ key: z.string() }),
    async run({ input, tx, job }: { input: { key: string }; tx: any; job: { id: string } }) {
      await tx.sql\`insert into effects (messagekey, jobid) values (\${input.key}, \${job.id})\`
      // A moment in which it can be killed; of some of them the begin is in writing by then.
      await setTimeout(input.key.endsWith('7') ? 120 : 3)
      return { key: input.key }
    },
  })
`

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/** A place of its own, with the handler, and a table that shows an effect that happened twice. */
async function makeHome(database: Readonly<Record<string, unknown>>): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database,
      jobs: {
        workers: 8,
        handlers: ['./handlers'],
        lease_seconds: 2,
        // An attempt that a kill cut off counts.
        max_retries: 100,
        retry: { type: 'fixed', initial: '200ms' },
      },
      integrations: {
        http: { subscriptions: [{ name: 'effect', path: '/in/effect', handler: 'effect' }] },
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  cleanUps.push(() => home.remove())
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/effect.ts'), HANDLER)
  await homeSql(home, 'CREATE TABLE effects (messagekey text NOT NULL, jobid varchar(64) NOT NULL)')
  return home
}

/** Where to strike: spread over the posts, each at a random place of its part. */
function strikes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) =>
    Math.floor(((index + 0.1 + 0.8 * Math.random()) / count) * POSTS * 0.9),
  )
}

/** Posts, and at each place strikes; ends when everything is acknowledged. */
async function postUnder(
  url: string,
  plan: readonly { readonly at: number; readonly strike: () => Promise<void> }[],
): Promise<Posting> {
  const posting = startPosting(url, POSTS)
  // It is awaited at the end; a failure before must not be an unhandled one.
  posting.done.catch(() => undefined)
  cleanUps.push(() => posting.stop())
  for (const { at, strike } of plan) {
    await posting.reached(at)
    await strike()
  }
  await posting.done
  return posting
}

/** Waits until nothing is left to run, and checks what became of every message. */
async function expectEachOnce(
  home: TestFolder,
  posting: Posting,
  program: RunningProgram,
): Promise<void> {
  const deadline = performance.now() + 90_000
  for (;;) {
    const [left] = await homeSql(
      home,
      `SELECT count(*) AS n FROM queue_jobs WHERE statusid NOT IN (3, 4, 6)`,
    )
    if (Number(left?.['n']) === 0) break
    if (performance.now() > deadline) {
      const stuck = await homeSql(
        home,
        `SELECT statusid, lockedby, count(*) AS n, min(retrycount) AS retries, min(lasterror) AS error,
           min(leaseexpiresat) AS lease, current_timestamp AS now, min(startedat) AS began
         FROM queue_jobs GROUP BY statusid, lockedby`,
      )
      throw new Error(`jobs are left: ${JSON.stringify(stuck)}\n${program.err()}`)
    }
    await delay(200)
  }
  const [row] = await homeSql(
    home,
    `SELECT count(*) AS jobs, count(DISTINCT dedupekey) AS dedupekeys,
       count(CASE WHEN statusid = 3 THEN 1 END) AS completed,
       (SELECT count(*) FROM effects) AS effects,
       (SELECT count(DISTINCT messagekey) FROM effects) AS different_effects,
       (SELECT count(*) FROM effects e JOIN queue_jobs j ON j.id = e.jobid
         AND j.payload LIKE concat('%"', e.messagekey, '"%')) AS matching_effects,
       (SELECT count(*) FROM job_histories WHERE statusid = 3) AS completions,
       (SELECT count(DISTINCT jobid) FROM job_histories WHERE statusid = 3) AS completed_once,
       (SELECT count(*) FROM job_histories WHERE statusid <> 3) AS other_executions
     FROM queue_jobs`,
  )
  const counts = Object.fromEntries(
    Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]),
  )
  const ids = await homeSql(home, 'SELECT id FROM queue_jobs')
  const known = new Set(ids.map((row) => String(row['id'])))
  const answered = [...posting.acknowledged.values()].flatMap((each) => [...each])
  process.stdout.write(
    `${JSON.stringify({ posts: POSTS, acknowledged: posting.acknowledged.size, repeats: posting.repeats, ...counts })}\n`,
  )
  expect(posting.acknowledged.size).toBe(POSTS)
  expect(answered.filter((id) => !known.has(id))).toEqual([])
  // One id for each key, however often it was sent.
  expect(answered).toHaveLength(POSTS)
  expect(counts).toMatchObject({
    jobs: POSTS,
    dedupekeys: POSTS,
    completed: POSTS,
    effects: POSTS,
    different_effects: POSTS,
    matching_effects: POSTS,
    completions: POSTS,
    completed_once: POSTS,
  })
}

describe('a process that is killed while messages come in and handlers write', () => {
  it(
    'loses and doubles nothing, on a PostgreSQL that is killed once as well',
    { timeout: LIMIT_MS },
    async ({ skip }) => {
      const service = await startOrSkip('postgresql', () =>
        startPostgresql({ settings: { fsync: 'on', full_page_writes: 'on' } }),
      )
      if (service === undefined) return skip()
      cleanUps.push(() => service.stop())
      const { url } = await createDatabase(service)
      await underKills(await makeHome({ url }), service)
    },
  )

  it(
    'loses and doubles nothing, on a MariaDB that is killed once as well',
    { timeout: LIMIT_MS },
    async ({ skip }) => {
      const service = await startOrSkip('mariadb', () =>
        startMariadb({ settings: { innodb_flush_log_at_trx_commit: '1' } }),
      )
      if (service === undefined) return skip()
      cleanUps.push(() => service.stop())
      const home = await makeHome({ url: await createMariadbDatabase(service) })
      await underKills(home, service)
    },
  )

  it('loses and doubles nothing, on the embedded database', { timeout: LIMIT_MS }, async () => {
    const home = await makeHome({ type: 'embedded', data_dir: './data' })
    const supervised = await supervise(home)
    const plan = strikes(KILLS).map((at) => ({ at, strike: supervised.killAndStart }))
    const posting = await postUnder(supervised.url, plan)
    await expectEachOnce(home, posting, supervised.current())
    expect((await supervised.current().stop()).code).toBe(0)
  })
})

/** Kills the program again and again, and in the middle its database. */
async function underKills(home: TestFolder, service: KillableService): Promise<void> {
  const supervised = await supervise(home)
  const places = strikes(KILLS + 1)
  const plan = places.map((at, index) => ({
    at,
    strike:
      index === Math.floor(places.length / 2) && service.controllable
        ? () => killDatabase(service, supervised)
        : supervised.killAndStart,
  }))
  const posting = await postUnder(supervised.url, plan)
  await expectEachOnce(home, posting, supervised.current())
  expect((await supervised.current().stop()).code).toBe(0)
}

type KillableService = Pick<PostgresqlService, 'controllable' | 'kill' | 'restart'>

interface Supervised {
  readonly url: string
  current(): RunningProgram
  killAndStart(this: void): Promise<void>
}

/** Keeps an instance running on one port. */
async function supervise(home: TestFolder): Promise<Supervised> {
  const port = String(await freePort())
  const start = (): Promise<RunningProgram> => startProgram(home, { args: ['--port', port] })
  let program = await start()
  cleanUps.push(async () => {
    if (program.isRunning()) await program.stop()
  })
  return {
    url: program.url,
    current: () => program,
    killAndStart: async () => {
      // One that has ended by itself is a bug, and not to be hidden by a start.
      if (!program.isRunning()) throw new Error(`it ended by itself:\n${program.err()}`)
      await program.kill()
      program = await start()
    },
  }
}

async function killDatabase(service: KillableService, supervised: Supervised): Promise<void> {
  await service.kill()
  await delay(500)
  await service.restart()
  if (!supervised.current().isRunning()) {
    throw new Error(`it ended with its database:\n${supervised.current().err()}`)
  }
}
