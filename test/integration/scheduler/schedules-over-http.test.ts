import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { schedulesOverHttp } from '../../../src/cli/schedules-over-http.ts'
import type { ScheduleOutcome } from '../../../src/ports/schedule-operations.ts'
import type { TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { scheduleRow } from '../../conformance/store/schedules.ts'
import {
  exampleConfiguration,
  makeFolder,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../../e2e/program.ts'
import { startOrSkip } from '../../services/require.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

function done<Value>(outcome: ScheduleOutcome<Value>): Value {
  if (outcome.kind !== 'done') throw new Error(outcome.kind)
  return outcome.value
}

describe.each(SHARED_TARGETS)('schedules of a running instance, on $name', (target) => {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let home: TestFolder
  let program: RunningProgram

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
    home = await makeFolder(() => exampleConfiguration({ database: { url: database.url } }))
    program = await startProgram(home)
  })

  afterEach(async () => {
    if (server === undefined) return
    await program.stop()
    await home.remove()
    await database.drop()
  })

  it('are made, shown, changed, run and removed by commands that know its address alone', async () => {
    const { operations, scheduleJson, previewJson } = schedulesOverHttp(program.url)
    const made = done(
      await operations.create(
        {
          name: 'nightly report',
          handler: 'examples.hello',
          cronExpression: '30 2 * * *',
          timeZone: 'Europe/Berlin',
          payload: '{"n":12345678901234567890}',
        },
        null,
      ),
    )
    expect(await scheduleRow(database, made.id)).toMatchObject({
      name: 'nightly report',
      payload: '{"n":12345678901234567890}',
      timezone: 'Europe/Berlin',
    })
    const all = await operations.list({ after: null, limit: 2 })
    const rest = await operations.list({ after: all.at(-1)!.id, limit: 100 })
    expect([...all, ...rest].map(({ name }) => name)).toContain('nightly report')
    const changed = done(await operations.change({ idOrName: made.name }, { enabled: false }))
    expect(changed).toMatchObject({ enabled: false, cronExpression: '30 2 * * *' })
    expect(scheduleJson(changed)).toMatchObject({ cron: '30 2 * * *', enabled: false })
    const preview = done(await operations.preview(made.name, 2))
    expect(preview.ticks).toHaveLength(2)
    expect(preview.ticks[0]?.local).toContain('T02:30:00')
    expect(previewJson(preview)).toMatchObject({ timezone: 'Europe/Berlin' })
    const { jobId } = done(await operations.run(made.name))
    const window = { from: Date.now() - 3 * 86_400_000, to: Date.now() - 1_000 }
    const { jobIds } = done(await operations.backfill(made.name, window))
    expect(jobIds).toHaveLength(3)
    const jobs = await database.sql('SELECT id FROM queue_jobs WHERE scheduledjobid = ?', [made.id])
    expect(jobs.map(({ id }) => String(id)).sort()).toEqual([jobId, ...jobIds].sort())

    const shown = await runCommand(['schedules', 'list', '--url', program.url])
    expect(shown).toMatchObject({ code: 0 })
    expect(shown.out).toContain('nightly report: examples.hello, 30 2 * * * Europe/Berlin, paused')
    done(await operations.remove({ idOrName: made.name }))
    expect(await database.sql('SELECT id FROM jobs WHERE id = ?', [made.id])).toEqual([])
    await expect(operations.run(made.name)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('There is no schedule with this id or name.') as string,
    })
    await expect(
      operations.create({ name: 'bad', handler: 'h', cronExpression: '61 * * * *' }, null),
    ).rejects.toMatchObject({ code: 'usage' })
    await expect(operations.change({ idOrName: 'x' }, { payload: '{{' })).rejects.toMatchObject({
      message: expect.stringContaining('no JSON') as string,
    })
  })
})
