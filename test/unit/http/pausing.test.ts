import { expect, test } from 'vitest'
import { createIntegrationsResource } from '../../../src/http/integrations.ts'
import { createQueuesResource } from '../../../src/http/queues.ts'
import type { IntegrationsReport } from '../../../src/ports/integrations.ts'
import type { PauseRecord } from '../../../src/ports/pauses.ts'
import { type Answer, send, startServer } from './started-server.ts'

const ON = new Date('2026-11-22T10:00:00Z')

const REPORT: IntegrationsReport = {
  connections: [
    {
      protocol: 'mqtt',
      connection: 'plant',
      subscriptions: ['temps'],
      publications: [],
      health: { status: 'down', detail: 'away; the next try is in 3 s' },
      isConnected: false,
      failures: 2,
      lastError: 'away',
    },
  ],
  subscriptions: [
    {
      address: 'mqtt:temps',
      protocol: 'mqtt',
      name: 'temps',
      connection: 'plant',
      handler: 'h',
      queue: 'plant',
      closed: 'backpressure',
      pause: null,
      backpressure: { pauseAbove: 10, resumeBelow: 5, waiting: 11 },
      counts: null,
      lag: null,
    },
  ],
  publications: [],
}

/** A server with pauses in memory. */
async function start() {
  const records = new Map<string, PauseRecord>()
  const pauses = {
    find: (address: string) => {
      const record = records.get(address)
      if (record?.paused !== true) return undefined
      return { on: record.changedOn, by: record.changedBy, reason: record.reason }
    },
    paused: () => [...records.keys()],
    change: async (change: Omit<PauseRecord, 'changedOn'>): Promise<PauseRecord> => {
      const record = { ...change, changedOn: ON }
      records.set(change.address, record)
      return record
    },
  }
  const depth = { queue: 'http:orders', pending: 3, processing: 1, queued: 0, waiting: 2 }
  const { url } = await startServer({
    resources: [
      createIntegrationsResource({ report: () => REPORT, pauses }),
      createQueuesResource({
        store: { queueDepths: async () => [depth] },
        pauses,
        configured: ['mail'],
      }),
    ],
  })
  const post = (path: string, body = '', headers: Readonly<Record<string, string>> = {}) =>
    send(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
  const get = async (path: string): Promise<Answer> => send(`${url}${path}`)
  return { records, post, get }
}

test('integrations are listed in snake_case, with what is wrong with them', async () => {
  const { get } = await start()
  const { status, json } = await get('/api/integrations')
  expect(status).toBe(200)
  expect(json).toMatchObject({
    connections: [{ connection: 'plant', is_connected: false, failures: 2, last_error: 'away' }],
    subscriptions: [{ backpressure: { pause_above: 10, resume_below: 5, waiting: 11 } }],
  })
})

test('a subscription is paused and resumed, with a reason and without a body', async () => {
  const { post, records } = await start()
  const paused = await post('/api/integrations/mqtt:temps/pause', '{"reason":"it moves"}')
  expect(paused).toMatchObject({
    status: 200,
    json: {
      address: 'mqtt:temps',
      paused: true,
      pause: { on: ON.toISOString(), by: 'http', reason: 'it moves' },
    },
  })
  expect((await post('/api/integrations/mqtt%3Atemps/resume')).json).toEqual({
    address: 'mqtt:temps',
    paused: false,
    pause: null,
  })
  expect(records.get('mqtt:temps')).toMatchObject({ paused: false, reason: null })
})

test('what is not there cannot be paused, nor by a body that nobody understands', async () => {
  const { post, records } = await start()
  expect(await post('/api/integrations/mqtt:no/pause')).toMatchObject({
    status: 404,
    json: { code: 'integration_not_found' },
  })
  expect((await post('/api/integrations/queue:mail/pause')).status).toBe(404)
  for (const body of ['{"why":"x"}', '{"reason":7}', `{"reason":"${'x'.repeat(501)}"}`]) {
    expect((await post('/api/integrations/mqtt:temps/pause', body)).status).toBe(422)
  }
  expect((await post('/api/integrations/mqtt:temps/pause', '{')).status).toBe(400)
  expect((await post(`/api/queues/${'q'.repeat(101)}/pause`)).status).toBe(422)
  expect(records.size).toBe(0)
})

test('no page of another site pauses anything', async () => {
  const { post, records } = await start()
  const path = '/api/integrations/mqtt:temps/pause'
  const foreign = { 'sec-fetch-site': 'cross-site' }
  expect((await post(path, '', foreign)).status).toBe(403)
  expect((await post(path, '', { 'content-type': 'text/plain' })).status).toBe(415)
  expect((await post(path, '', { host: 'evil.example' })).status).toBe(403)
  expect(records.size).toBe(0)
})

test('queues are listed: those with jobs, those of the configuration, and those that are paused', async () => {
  const { get, post, records } = await start()
  await post('/api/queues/reports%2Fslow/pause')
  records.set('http:orders', {
    address: 'http:orders',
    paused: true,
    changedOn: ON,
    changedBy: 'ada',
    reason: null,
  })
  const { json } = await get('/api/queues')
  expect(json['data']).toEqual([
    {
      name: 'http:orders',
      pending: 3,
      processing: 1,
      queued: 0,
      waiting: 2,
      pause: { on: ON.toISOString(), by: 'ada', reason: null },
    },
    { name: 'mail', pending: 0, processing: 0, queued: 0, waiting: 0, pause: null },
    expect.objectContaining({ name: 'reports/slow', pause: expect.anything() as unknown }),
  ])
})
