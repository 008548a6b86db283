import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { post, untilCompleted } from '../../e2e/http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../../e2e/program.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

const JUMPING = pathToFileURL(path.join(import.meta.dirname, 'jumping-clock-program.ts')).href
const SECOND_MS = 1_000
const DAY_MS = 86_400_000

describe.each(SHARED_TARGETS)('the whole program on $name', (target) => {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let home: TestFolder
  let program: RunningProgram | undefined

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
    const base = exampleConfiguration({
      database: { url: database.url },
      logging: { format: 'json', level: 'debug' },
    })
    const often = { poll_interval: '250ms', scheduler_check_interval: '250ms' }
    home = await makeFolder(() => ({ ...base, jobs: { ...(base['jobs'] as object), ...often } }))
  })

  afterEach(async () => {
    if (server === undefined) return
    if (program?.isRunning() === true) await program.stop()
    program = undefined
    await home.remove()
    await database.drop()
  })

  it('fires each tick once by the clock of the database, while that of its host jumps', async () => {
    program = await startProgram(home, { env: { NODE_OPTIONS: `--import ${JUMPING}` } })
    for (const [id, column, when] of [
      ['cron', 'cronexpression', '* * * * * *'],
      ['interval', 'intervalseconds', '1'],
    ]) {
      await database.sql(
        `INSERT INTO jobs (id, name, handler, payload, ${column!}, misfirepolicy)
          VALUES (?, ?, 'examples.hello', '{"name":"Ada"}', ?, 'fire_all')`,
        [id, id, when],
      )
    }
    const rows = (id: string) =>
      database.sql(
        `SELECT scheduledfor, statusid, createdon FROM queue_jobs WHERE scheduledjobid = ?
          ORDER BY scheduledfor`,
        [id],
      )
    for (const id of ['cron', 'interval']) {
      await until(
        async () => (await rows(id)).filter(({ statusid }) => statusid === 3).length >= 4,
        `four jobs of ${id} that have run`,
        20_000,
      )
    }
    const told = program.err()
    await program.stop()
    for (const id of ['cron', 'interval']) {
      const found = await rows(id)
      const ticks = found.map(({ scheduledfor }) => Number(scheduledfor))
      expect(ticks, id).toEqual(ticks.map((_, index) => ticks[0]! + index * SECOND_MS))
      for (const { scheduledfor, createdon } of found) {
        // The database's own clock has written when: neither early nor late.
        const lateMs = Number(createdon) - Number(scheduledfor)
        expect(lateMs).toBeGreaterThanOrEqual(0)
        expect(lateMs).toBeLessThan(5 * SECOND_MS)
      }
    }
    // So it did jump.
    const years = told.match(/"time":"?(\d{4})/g) ?? []
    expect(new Set(years).size, told.slice(0, 2_000)).toBeGreaterThanOrEqual(2)
  })

  it('has schedules of its own, which people may change, and cleans up', async () => {
    program = await startProgram(home)
    const own = async () =>
      await database.sql(
        `SELECT name, handler, enabled, createdby FROM jobs WHERE name LIKE 'system.%' ORDER BY name`,
      )
    expect((await own()).map((row) => ({ ...row, enabled: Boolean(row['enabled']) }))).toEqual(
      [
        ['system.health', true],
        ['system.retention', true],
        ['system.retry-failed', false],
      ].map(([name, enabled]) => ({ name, handler: name, enabled, createdby: 'handlers' })),
    )
    const { body } = await post(`${program.url}/in/hello`, { name: 'Ada' })
    const old = String(body['id'])
    await untilCompleted(program.url, old)
    const time = new Date(Date.now() - 91 * DAY_MS)
    await database.sql('UPDATE queue_jobs SET createdon = ?, completedat = ?', [time, time])
    await database.sql('UPDATE job_histories SET createdon = ?', [time])
    const ran = await run(program, 'system.retention')
    expect(ran).toEqual({ histories: 1, jobs: 1, finished: true })
    expect(await database.sql('SELECT id FROM queue_jobs WHERE id = ?', [old])).toEqual([])
    expect(await run(program, 'system.health')).toMatchObject({
      status: 'ok',
      components: { database: { status: 'ok' } },
    })
    expect(await run(program, 'system.retry-failed')).toEqual({ replayed: 0, refused: 0, left: 0 })

    await database.sql(`UPDATE jobs SET enabled = false WHERE name = 'system.health'`)
    await database.sql(`DELETE FROM jobs WHERE name = 'system.retention'`)
    await program.stop()
    program = await startProgram(home)
    expect((await own()).map(({ name, enabled }) => [name, Boolean(enabled)])).toEqual([
      ['system.health', false],
      ['system.retry-failed', false],
    ])
  })
})

/** Runs a schedule now, and gives what its job came to. */
async function run({ url }: RunningProgram, name: string): Promise<unknown> {
  const response = await post(`${url}/api/schedules/${name}/run`, {})
  expect(response.status).toBeLessThan(300)
  const id = String(response.body['job_id'] ?? response.body['id'])
  const job = await untilCompleted(url, id)
  const { result } = job as { readonly result: unknown }
  return typeof result === 'string' ? JSON.parse(result) : result
}
