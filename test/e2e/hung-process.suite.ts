import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { HUNG_EXIT_CODE } from '../../src/ports/lease-keeper.ts'
import type { Row, Target, TargetDatabase, TargetServer } from '../conformance/store/target.ts'
import { until } from '../integration/worker/harness.ts'
import { startOrSkip } from '../services/require.ts'
import { blockingHome } from './blocking-handlers.ts'
import { send } from './http-client.ts'
import { startProgram, type RunningProgram, type TestFolder } from './program.ts'

/**
 * What becomes of processes that hang, stand still or are ended by a job. A file for each database, so that
 * they run side by side.
 * @param killers the handlers that end their process, of test/e2e/blocking-handlers.ts
 */
export function hungProcessSuite(
  target: Target,
  killers: readonly ('kill' | 'kill-at-once')[],
): void {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
    cleanUps = [() => database.drop()]
  })

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  })

  afterAll(async () => {
    await server?.stop()
  })

  async function home(options?: Parameters<typeof blockingHome>[1]): Promise<TestFolder> {
    const made = await blockingHome(database.url, options)
    cleanUps.push(() => made.remove())
    return made
  }

  async function start(folder: TestFolder): Promise<RunningProgram> {
    const program = await startProgram(folder)
    cleanUps.push(async () => {
      if (!program.isRunning()) return
      program.signal('SIGCONT')
      await program.kill()
    })
    return program
  }

  async function insert(id: string, handler: string, payload: object = {}): Promise<void> {
    await database.sql('INSERT INTO queue_jobs (id, handler, payload) VALUES (?, ?, ?)', [
      id,
      handler,
      JSON.stringify(payload),
    ])
  }

  async function job(id: string): Promise<Row> {
    const [row] = await database.sql('SELECT * FROM queue_jobs WHERE id = ?', [id])
    return row!
  }

  async function history(id: string): Promise<readonly Row[]> {
    return await database.sql(
      'SELECT statusid, executedby, errormessage FROM job_histories WHERE jobid = ? ORDER BY leaseepoch',
      [id],
    )
  }

  async function untilStatus(id: string, statusid: number, limitMs = 20_000): Promise<Row> {
    return await until(
      async () => {
        const row = await job(id)
        return row['statusid'] === statusid && row
      },
      `job ${id} in status ${statusid}`,
      limitMs,
    )
  }

  it('a handler that blocks its process for several leases keeps its job; what had not begun runs elsewhere', async () => {
    const folder = await home()
    const blocked = await start(folder)
    const workers = await until(async () => {
      const { body } = await send(`${blocked.url}/status`)
      return body['workers']
    }, 'its workers')
    expect(workers).toBeTruthy()
    await insert('block', 'block', { ms: 6_000 })
    await untilStatus('block', 2)
    await start(folder)
    // One that the blocked process has claimed and not begun.
    const [row] = await database.sql('SELECT lockedby FROM queue_jobs WHERE id = ?', ['block'])
    const other = await job('block')
    expect(other['leaseepoch']).toBe(1)
    await insert('quick', 'quick')
    await untilStatus('quick', 3)
    expect((await job('block'))['statusid']).toBe(2)
    expect(await untilStatus('block', 3)).toMatchObject({ retrycount: 0, leaseepoch: 2 })
    expect(await history('block')).toMatchObject([
      { statusid: 3, executedby: expect.stringContaining(String(row?.['lockedby'])) as unknown },
    ])
    expect(blocked.isRunning()).toBe(true)
    expect((await send(`${blocked.url}/health`)).body['status']).toBe('ok')
  })

  it('a process that hangs for ever ends with a code of its own, and its jobs run elsewhere', async () => {
    const folder = await home({ workers: 4 })
    const hung = await start(folder)
    await insert('hang', 'hang')
    const ended = await hung.ended
    expect(ended.code).toBe(HUNG_EXIT_CODE)
    expect(ended.err).toContain('the main thread has not answered for')
    expect((await job('hang'))['statusid']).toBe(2)
    await insert('after', 'quick')
    await start(folder)
    await untilStatus('after', 3)
    expect(await untilStatus('hang', 4)).toMatchObject({ deadreason: 'retries_exhausted' })
    expect(await history('hang')).toMatchObject([
      { statusid: 4, errormessage: expect.stringContaining('died or hung') as unknown },
    ])
  })

  it('a process that was stopped for several leases and goes on is not taken for hung', async () => {
    const folder = await home()
    const program = await start(folder)
    await insert('before', 'quick')
    await untilStatus('before', 3)
    program.signal('SIGSTOP')
    // The silence itself: four leases.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    program.signal('SIGCONT')
    await insert('after', 'quick')
    await untilStatus('after', 3)
    // It runs for longer than a lease: whoever watches looks meanwhile.
    await insert('later', 'neighbour')
    await untilStatus('later', 3)
    expect(program.isRunning()).toBe(true)
  })

  it.each(killers)(
    'a job that ends its process each time (%s) fails for good, and takes nothing with it',
    { timeout: 120_000 },
    async (killer) => {
      const folder = await home({ workers: 4 })
      await insert('killer', killer)
      for (let index = 0; index < 6; index += 1) await insert(`neighbour-${index}`, 'neighbour')
      let starts = 0
      let program: RunningProgram | undefined
      await until(
        async () => {
          if (program?.isRunning() !== true) {
            starts += 1
            // It may be killed before it has said that it is ready.
            program = await start(folder).catch(() => undefined)
          }
          const rows = await database.sql(
            'SELECT count(*) AS n FROM queue_jobs WHERE statusid NOT IN (3, 4)',
          )
          return Number(rows[0]?.['n']) === 0
        },
        'the end of all',
        100_000,
      )
      expect(await job('killer')).toMatchObject({ statusid: 4, deadreason: 'retries_exhausted' })
      const attempts = killer === 'kill' ? 4 : 3
      const rows = await history('killer')
      expect(rows.map((row) => row['statusid'])).toEqual(rows.map(() => 4))
      expect(rows).toHaveLength(attempts)
      for (let index = 0; index < 6; index += 1) {
        const id = `neighbour-${index}`
        expect(await job(id)).toMatchObject({ statusid: 3 })
        expect((await history(id)).filter((row) => row['statusid'] === 3)).toHaveLength(1)
      }
      expect(starts).toBeGreaterThan(attempts)
    },
  )

  it('a second process with the same instance.id is refused; a restart of the first is not', async () => {
    const folder = await home({ instance: { id: 'the-one' } })
    const first = await start(folder)
    const second = await start(folder)
    const refused = await second.ended
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('instance_id_taken')
    expect(first.isRunning()).toBe(true)
    await first.kill()
    const again = await start(folder)
    await insert('quick', 'quick')
    await untilStatus('quick', 3, 10_000)
    expect((await again.stop()).code).toBe(0)
    // It was given back at the end, and need not be waited for.
    const from = performance.now()
    await start(folder)
    await insert('at-once', 'quick')
    await untilStatus('at-once', 3)
    expect(performance.now() - from).toBeLessThan(5_000)
  })
}
