import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { post, send, untilCompleted, untilJob, type Answer } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'
import { homeSql } from './home-sql.ts'

const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of 24 bytes, so').toString('base64')}`
const FORGE_SECRET = 'the-secret-of-the-forge'
const PARIS_KEY = 'the-key-of-paris-1234'
const LONDON_KEY = 'the-key-of-london-5678'
const ENV = { WEBHOOK_SECRET, FORGE_SECRET, PARIS_KEY, LONDON_KEY }
const ANY_SECRET = /whsec_|a secret of 24|the-secret-of|the-key-of|sha256=|v1,/

const hello = { handler: 'examples.hello' }
const keys = {
  type: 'api_key',
  secrets: { paris: '${PARIS_KEY}', london: ['an-older-key-of-london', '${LONDON_KEY}'] },
}
const subscriptions = [
  {
    ...hello,
    name: 'signed',
    path: '/hooks/signed',
    verify: { type: 'standard-webhooks', secrets: ['${WEBHOOK_SECRET}'], tolerance: '2m' },
  },
  {
    ...hello,
    name: 'forge',
    path: '/hooks/forge',
    verify: { type: 'github', secrets: ['${FORGE_SECRET}'] },
  },
  { ...hello, name: 'shop', path: '/in/shop', verify: keys },
  { name: 'slow', path: '/in/slow', handler: 'examples.slow', verify: keys },
]

let home: TestFolder
let program: RunningProgram

beforeAll(async () => {
  home = await makeFolder(() => exampleConfiguration({ integrations: { http: { subscriptions } } }))
  program = await startProgram(home, { env: ENV })
})

afterAll(async () => {
  if (program.isRunning()) await program.stop()
  await home.remove()
})

async function count(): Promise<unknown> {
  const statement = 'SELECT count(*) AS n FROM queue_jobs'
  return (await homeSql(home, statement, ENV))[0]
}

function signed(id: string, body: string, ageSeconds = 0): Readonly<Record<string, string>> {
  const time = new Date(Date.now() - ageSeconds * 1_000)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(time.getTime() / 1_000)),
    'webhook-signature': new Webhook(WEBHOOK_SECRET).sign(id, time, body),
  }
}

function forged(body: string, delivery: string): Readonly<Record<string, string>> {
  const hex = createHmac('sha256', FORGE_SECRET).update(body).digest('hex')
  return { 'x-hub-signature-256': `sha256=${hex}`, 'x-github-delivery': delivery }
}

async function keptHeaders(id: unknown): Promise<string> {
  const { headers } = await untilCompleted(program.url, String(id))
  return JSON.stringify(headers).toLowerCase()
}

describe('a subscription that verifies', () => {
  it('takes what Standard Webhooks has signed, once', async () => {
    const url = `${program.url}/hooks/signed`
    const body = '{ "name": "Zoë \\r\\n" }'
    const first = await post(url, body, signed('msg_1', body, 60))
    expect(first.status).toBe(202)
    // Sent again, as after an answer that was lost, and by somebody who recorded it.
    const again = await post(url, body, signed('msg_1', body))
    const replay = await post(url, body, {
      ...signed('msg_1', body, 60),
      'idempotency-key': 'another',
    })
    expect([again.body['id'], replay.body['id']]).toEqual([first.body['id'], first.body['id']])
    const job = await untilCompleted(program.url, String(first.body['id']))
    expect(job).toMatchObject({ result: { greeting: 'Hello, Zoë \r\n' } })
    expect(await keptHeaders(first.body['id'])).toContain('webhook-signature')
  })

  it('takes what GitHub has signed, each delivery once', async () => {
    const url = `${program.url}/hooks/forge`
    const body = '{"name":"Octo"}'
    const [first, again, other] = [
      await post(url, body, forged(body, 'd-1')),
      await post(url, body, forged(body, 'd-1')),
      await post(url, body, forged(body, 'd-2')),
    ]
    expect([first.status, again.status, other.status]).toEqual([202, 202, 202])
    expect(again.body['id']).toBe(first.body['id'])
    expect(other.body['id']).not.toBe(first.body['id'])
  })

  it('takes what comes with a key, tells senders apart, and keeps no key', async () => {
    const url = `${program.url}/in/shop`
    const order = { 'idempotency-key': 'order-17' }
    const [paris, london, again] = [
      await post(url, { name: 'Paris' }, { ...order, 'x-api-key': PARIS_KEY }),
      await post(url, { name: 'London' }, { ...order, authorization: `Bearer ${LONDON_KEY}` }),
      await post(url, { name: 'London' }, { ...order, 'x-api-key': 'an-older-key-of-london' }),
    ]
    expect([paris.status, london.status, again.status]).toEqual([202, 202, 202])
    expect(paris.body['id']).not.toBe(london.body['id'])
    expect(again.body['id']).toBe(london.body['id'])
    const job = await untilCompleted(program.url, String(london.body['id']))
    expect(job).toMatchObject({ metadata: { subscription: 'shop', sender: 'london' } })
    expect(JSON.stringify(job)).not.toMatch(ANY_SECRET)
  })

  it('answers everybody else with 401, and stores nothing', async () => {
    const before = await count()
    const body = '{"name":"Eve"}'
    const refused: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
      ['/hooks/signed', {}, 'credentials_missing'],
      ['/hooks/signed', signed('msg_9', `${body} `), 'credentials_invalid'],
      ['/hooks/signed', signed('msg_9', body, 130), 'signature_expired'],
      ['/hooks/signed', signed('msg_9', body, -130), 'signature_expired'],
      ['/hooks/forge', {}, 'credentials_missing'],
      ['/hooks/forge', forged(`${body} `, 'd-9'), 'credentials_invalid'],
      ['/in/shop', {}, 'credentials_missing'],
      ['/in/shop', { 'x-api-key': 'no-key-that-is-known' }, 'credentials_invalid'],
    ]
    for (const [path, headers, code] of refused) {
      const answer = await post(`${program.url}${path}?wait=5`, body, headers)
      expect([path, answer.status, answer.body['code']]).toEqual([path, 401, code])
    }
    expect(await count()).toEqual(before)
    const lines = program.err().split('\n')
    expect(lines.filter((line) => line.includes('were not verified'))).toHaveLength(3)
  })

  it('shows no secret anywhere', async () => {
    const printed = await runCommand(['print-config', '--config', home.config], ENV)
    expect(printed.code, printed.err).toBe(0)
    expect(printed.out).toContain('"paris": "***"')
    const status = await send(`${program.url}/status`)
    for (const text of [printed.out, status.text, program.out(), program.err()]) {
      expect(text).not.toMatch(ANY_SECRET)
    }
    const short = await runCommand(['check', '--config', home.config], {
      ...ENV,
      PARIS_KEY: 'abc-9',
    })
    expect(short.code).toBe(1)
    expect(short.err).toContain('verify.secrets.paris: is shorter than 16 characters')
    expect(short.err).not.toContain('abc-9')
  })
})

it('a key that is used for another body is 409 with the job that has it', async () => {
  const headers = { 'x-api-key': PARIS_KEY, 'idempotency-key': 'order-18' }
  const first = await post(`${program.url}/in/shop`, '{"name":"Ada"}', headers)
  const same = await post(`${program.url}/in/shop`, '{"name":"Ada"}', headers)
  const other = await post(`${program.url}/in/shop`, '{"name": "Ada"}', headers)
  expect([first.status, same.status, other.status]).toEqual([202, 202, 409])
  expect(other.body).toMatchObject({ code: 'idempotency_conflict', id: first.body['id'] })
})

describe('?wait=', () => {
  const headers = { 'x-api-key': PARIS_KEY }
  const slow = (wait: string, body: unknown): Promise<Answer> =>
    post(`${program.url}/in/slow${wait}`, body, headers)

  it('answers with the job, as it is shown, when it has ended', async () => {
    const answer = await post(`${program.url}/in/shop?wait=10`, { name: 'Ada' }, headers)
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ status: 'completed', result: { greeting: 'Hello, Ada' } })
    const shown = await send(`${program.url}/api/jobs/${String(answer.body['id'])}`)
    expect(answer.text).toBe(shown.text)
    const made = await post(`${program.url}/api/jobs?wait=10`, {
      handler: 'examples.hello',
      payload: { name: 'Grace' },
    })
    expect(made).toMatchObject({ status: 200, body: { result: { greeting: 'Hello, Grace' } } })
  })

  it('answers 202 when it has not, and the job goes on', async () => {
    const answer = await slow('?wait=0.5', { steps: 10, step_ms: 100 })
    expect(answer).toMatchObject({ status: 202, body: { status: 'processing' } })
    await untilCompleted(program.url, String(answer.body['id']))
  })

  it('answers at once when the instance is stopped', async () => {
    const answer = slow('?wait=60', { steps: 100, step_ms: 100 })
    const running = await runningSlowJob()
    const stoppedAt = performance.now()
    const ended = program.stop()
    expect(await answer).toMatchObject({ status: 202, body: { id: running } })
    expect(performance.now() - stoppedAt).toBeLessThan(3_000)
    expect(await ended).toMatchObject({ code: 0 })
  })

  /** The id of the job whose sender still waits. */
  async function runningSlowJob(): Promise<string> {
    const deadline = performance.now() + 10_000
    while (performance.now() < deadline) {
      const statement = "SELECT id FROM queue_jobs WHERE handler = 'examples.slow' AND statusid = 2"
      const [row] = await homeSql(home, statement, ENV)
      if (row === undefined) continue
      const id = String(row['id'])
      await untilJob(program.url, id, (job) => job['status'] === 'processing')
      return id
    }
    throw new Error('no job runs')
  }
})
