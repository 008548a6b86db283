import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPayloadTemplates } from '../../../src/app/mappings.ts'
import { createSchedulesResource } from '../../../src/http/schedules.ts'
import type { HttpResponse } from '../../../src/ports/http-host.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createScheduleOperations } from '../../../src/scheduler/operations.ts'
import { insertSchedule, scheduleRow } from '../../conformance/store/schedules.ts'
import type { TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { startOrSkip } from '../../services/require.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

describe.each(SHARED_TARGETS)('/api/schedules on $name', (target) => {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let store: Store
  let templates: ReturnType<typeof openPayloadTemplates>
  const changed = vi.fn<() => void>()

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
    store = database.openStore()
    templates = openPayloadTemplates(recordingLog())
    changed.mockClear()
  })

  afterEach(async () => {
    if (server === undefined) return
    await templates.stop()
    await store.close()
    await database.drop()
  })

  let made = 0
  /** One request, its path with the id in it. */
  async function call(
    method: string,
    path: string,
    body?: unknown,
    { ifMatch, mayWriteConditions = true }: { ifMatch?: string; mayWriteConditions?: boolean } = {},
  ): Promise<HttpResponse & { readonly json: Record<string, unknown> }> {
    const operations = createScheduleOperations({
      book: store.scheduleBook,
      templates,
      wakeUps: { ready: () => undefined, turns: () => undefined },
      makeId: () => `id-${(made += 1)}`,
      onChanged: changed,
    })
    const [pathname = '', queryText = ''] = path.split('?')
    const [, , , id = '', action] = pathname.split('/')
    const shape = `/api/schedules${id === '' ? '' : '/:id'}${action === undefined ? '' : `/${action}`}`
    const route = createSchedulesResource({ operations, mayWriteConditions }).find(
      (each) => each.method === method && each.path === shape,
    )
    const response = await route!.handle({
      method,
      path: pathname,
      params: { id: decodeURIComponent(id) },
      query: Object.fromEntries(new URLSearchParams(queryText)),
      queryText,
      headers: { 'content-type': 'application/json', 'if-match': ifMatch },
      rawHeaders: [],
      body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
      closed: () => new AbortController().signal,
      stopping: false,
    })
    return { ...response, json: (response.body ?? {}) as Record<string, unknown> }
  }

  it('makes, shows, changes, pauses and deletes schedules', async () => {
    const posted = await call('POST', '/api/schedules', {
      name: 'Daily report',
      handler: 'reports.daily',
      cron: '0 8 * * *',
      timezone: 'Europe/Berlin',
      payload: { for: '{{ scheduled_for }}' },
      overlap: 'skip',
    })
    expect(posted).toMatchObject({ status: 201, headers: { etag: '"1"' } })
    expect(posted.json).toMatchObject({
      name: 'Daily report',
      cron: '0 8 * * *',
      overlap: 'skip',
      enabled: true,
      execution_count: 0,
    })
    expect(changed).toHaveBeenCalledTimes(1)
    const id = String(posted.json['id'])
    const again = await call('POST', '/api/schedules', {
      name: 'Daily report',
      handler: 'h',
      cron: '@daily',
    })
    expect(again).toMatchObject({ status: 409, json: { code: 'schedule_conflict' } })
    const path = `/api/schedules/${id}`
    expect((await call('GET', '/api/schedules/Daily%20report')).json['id']).toBe(id)
    const patched = await call('PATCH', path, { priority: 5 }, { ifMatch: '"1"' })
    expect(patched).toMatchObject({ status: 200, headers: { etag: '"2"' }, json: { priority: 5 } })
    const late = await call('PATCH', path, { priority: 6 }, { ifMatch: '"1"' })
    expect(late).toMatchObject({ status: 412, json: { code: 'version_conflict' } })
    expect((await call('POST', `${path}/pause`)).json).toMatchObject({ enabled: false })
    expect((await call('POST', `${path}/resume`)).json).toMatchObject({ enabled: true })
    const list = await call('GET', '/api/schedules?limit=1')
    expect(list.json).toMatchObject({ data: [{ id }], next_cursor: id })
    expect(await call('DELETE', path)).toMatchObject({ status: 204 })
    expect(await call('GET', path)).toMatchObject({
      status: 404,
      json: { code: 'schedule_not_found' },
    })
  })

  it.each([
    [{ name: 'a', handler: 'h' }, 'neither cronexpression nor intervalseconds'],
    [{ name: 'a', handler: 'h', cron: '61 * * * *' }, 'is out of range'],
    [{ name: 'a', handler: 'h', cron: '@daily', timezone: 'Europe/Bonn' }, 'is none'],
    [{ name: 'a', handler: 'h', cron: '@daily', misfire: 'no' }, 'misfire'],
    [{ name: 'a', handler: 'h', cron: '@daily', unknown: 1 }, 'unknown'],
  ])('refuses %j', async (body, reason) => {
    const response = await call('POST', '/api/schedules', body)
    expect(response.status).toBe(422)
    expect(JSON.stringify(response.json)).toContain(reason)
  })

  it('takes a condition only where the server says so', async () => {
    const body = { name: 'c', handler: 'h', cron: '@daily', condition: 'SELECT 1' }
    const refused = await call('POST', '/api/schedules', body, { mayWriteConditions: false })
    expect(refused).toMatchObject({ status: 403, json: { code: 'condition_forbidden' } })
    expect(await call('POST', '/api/schedules', body)).toMatchObject({ status: 201 })
    const change = await call(
      'PATCH',
      '/api/schedules/c',
      { condition: null },
      { mayWriteConditions: false },
    )
    expect(change.status).toBe(403)
  })

  it('previews, runs and backfills what SQL made, and counts none of it', async () => {
    await insertSchedule(database, 's', {
      cronexpression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      payload: '{"for": "{{ scheduled_for }}"}',
    })
    const preview = await call('GET', '/api/schedules/s/preview?count=400')
    const ticks = preview.json['ticks'] as { local: string; reason?: string }[]
    expect(ticks).toHaveLength(400)
    const odd = ticks.filter(({ reason }) => reason !== undefined)
    expect(odd.length).toBeGreaterThanOrEqual(1)
    expect(odd[0]!.local).toMatch(/-03-\d\dT03:00:00\+02:00$/)
    const run = await call('POST', '/api/schedules/s/run')
    expect(run).toMatchObject({ status: 202 })
    const window = { from: '2026-03-28T00:00:00Z', to: '2026-03-30T00:00:00Z' }
    const backfilled = await call('POST', '/api/schedules/s/backfill', window)
    expect(backfilled.json).toMatchObject({ created: 2, existing: 0 })
    const again = await call('POST', '/api/schedules/s/backfill', window)
    expect(again.json).toMatchObject({ created: 0, existing: 2 })
    const future = { from: window.from, to: '2099-01-01T00:00:00Z' }
    expect(await call('POST', '/api/schedules/s/backfill', future)).toMatchObject({ status: 422 })
    const rows = await database.sql(`SELECT payload FROM queue_jobs ORDER BY scheduledfor`)
    expect(rows.slice(0, 2).map((row) => row['payload'])).toEqual([
      '{"for": "2026-03-28T01:30:00.000Z"}',
      '{"for": "2026-03-29T01:00:00.000Z"}',
    ])
    expect(rows).toHaveLength(3)
    expect(await scheduleRow(database, 's')).toMatchObject({ executioncount: 0, lastrunat: null })
  })
})
