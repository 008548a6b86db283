import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { post, send, untilCompleted } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'
import { homeSql, type PrintedRow } from './home-sql.ts'

const SCHEMA = {
  type: 'object',
  properties: { total: { type: 'number' } },
  required: ['total'],
}

const SUBSCRIPTIONS = [
  {
    name: 'orders',
    path: '/in/:shop/orders',
    handler: 'examples.hello',
    schema: 'order.schema.json',
    filter: 'payload.total > 10',
    map: {
      payload: '{"name": payload.customer.name & " of " & params.shop}',
      priority: 'payload.urgent ? 9 : 1',
      dedupe_key: 'params.shop & "/" & $string(payload.id)',
      tenant_id: 'headers."x-tenant"',
      correlation_id: 'query.trace',
      metadata: '{"lines": $count(payload.lines)}',
    },
  },
  {
    name: 'kept',
    path: '/in/kept',
    handler: 'examples.hello',
    schema: 'order.schema.json',
    on_invalid: 'dead',
  },
  {
    name: 'endless',
    path: '/in/endless',
    handler: 'examples.hello',
    filter: '$contains(payload.text, /^(a+)+$/)',
  },
  {
    name: 'later',
    path: '/in/later',
    handler: 'examples.hello',
    map: { scheduled_at: 'payload.at', tenant_id: { value: '${TENANT:acme}' } },
  },
]

let home: TestFolder
let program: RunningProgram

beforeAll(async () => {
  home = await makeFolder(() =>
    exampleConfiguration({ integrations: { http: { subscriptions: SUBSCRIPTIONS } } }),
  )
  await writeFile(path.join(home.folder, 'order.schema.json'), JSON.stringify(SCHEMA))
  program = await startProgram(home)
})

afterAll(async () => {
  if (program.isRunning()) await program.stop()
  await home.remove()
})

const sql = (text: string): Promise<readonly PrintedRow[]> => homeSql(home, text)

const order = { id: 7, total: 20, customer: { name: 'Ada' }, lines: [1, 2] }

describe('a subscription with schema, filter and map', () => {
  it('stores what was mapped', async () => {
    const answer = await post(`${program.url}/in/paris/orders?trace=t1`, order, {
      'X-Tenant': 'acme',
    })
    expect(answer.status, answer.text).toBe(202)
    const id = String(answer.body['id'])
    expect(await untilCompleted(program.url, id)).toMatchObject({
      payload: { name: 'Ada of paris' },
      result: { greeting: 'Hello, Ada of paris' },
      priority: 1,
      tenant_id: 'acme',
      correlation_id: 't1',
      metadata: { subscription: 'orders', lines: 2 },
    })
    const [row] = await sql(`select dedupekey, contenttype from queue_jobs where id = '${id}'`)
    expect(row).toEqual({ dedupekey: 'orders:paris/7', contenttype: 'application/json' })
    // The key that was mapped makes the second one the same message.
    const again = await post(`${program.url}/in/paris/orders`, { ...order, total: 99 })
    expect(again.body['id']).toBe(id)
  })

  it('answers 204 to what it filters out, and stores nothing', async () => {
    const before = await sql('select count(*) as n from queue_jobs')
    const answer = await post(`${program.url}/in/paris/orders`, { ...order, id: 8, total: 10 })
    expect(answer.status).toBe(204)
    expect(answer.text).toBe('')
    expect(await sql('select count(*) as n from queue_jobs')).toEqual(before)
  })

  it('answers 422 to what is not valid, and stores nothing', async () => {
    const before = await sql('select count(*) as n from queue_jobs')
    const unfit = await post(`${program.url}/in/paris/orders`, { ...order, total: 'much' })
    expect(unfit.status).toBe(422)
    expect(unfit.body).toMatchObject({
      code: 'input_invalid',
      problems: [{ path: 'total', message: 'must be number' }],
    })
    const failing = await post(`${program.url}/in/later`, { at: 'tomorrow' })
    expect(failing.body).toMatchObject({ problems: [{ path: 'map.scheduled_at' }] })
    expect(await sql('select count(*) as n from queue_jobs')).toEqual(before)
  })

  it('keeps what is not valid where on_invalid says so', async () => {
    const answer = await post(`${program.url}/in/kept`, { total: 'much' })
    expect(answer.status).toBe(422)
    expect(answer.body).toMatchObject({ code: 'dead_letter' })
    const [row] = await sql(
      `select deadreason, lasterror, payload from queue_jobs where id = '${String(answer.body['id'])}'`,
    )
    expect(row).toMatchObject({ deadreason: 'schema_invalid', lasterror: 'total: must be number' })
    expect(Buffer.from(String(row?.['payload']), 'base64').toString()).toBe('{"total":"much"}')
  })

  it('stores for later, with a literal', async () => {
    const answer = await post(`${program.url}/in/later`, {
      at: '2999-01-01T00:00:00Z',
      name: 'Ada',
    })
    expect(answer.body).toMatchObject({ status: 'scheduled' })
    const job = await send(`${program.url}/api/jobs/${String(answer.body['id'])}`)
    expect(job.body).toMatchObject({ status: 'scheduled', tenant_id: 'acme' })
  })

  it('lives on when a message makes an expression endless', async () => {
    const hostile = post(`${program.url}/in/endless`, { text: `${'a'.repeat(40)}!` })
    const health = await send(`${program.url}/livez`)
    expect(health.status).toBe(200)
    expect((await hostile).status).toBe(422)
    expect((await hostile).text).toContain('took longer than 250 ms')
    expect((await post(`${program.url}/in/endless`, { text: 'aaa', name: 'x' })).status).toBe(202)
    expect((await post(`${program.url}/in/endless`, { text: 'bbb' })).status).toBe(204)
  })
})

describe('crossdock test-mapping', () => {
  it('shows the row that a message would become', async () => {
    const file = path.join(home.folder, 'order.json')
    const small = path.join(home.folder, 'small.json')
    await writeFile(file, JSON.stringify(order))
    await writeFile(small, JSON.stringify({ ...order, total: 1 }))
    const args = [
      'test-mapping',
      '--config',
      home.config,
      '-s',
      'orders',
      '--json',
      '-m',
      file,
      small,
    ]
    const { code, out, err } = await runCommand([...args, '--headers', '{"X-TENANT":"acme"}'])
    expect(code, err).toBe(0)
    const [stored, filtered] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(stored).toMatchObject({
      file,
      outcome: 'stored',
      row: { tenantid: 'acme', priority: 1 },
    })
    expect(filtered).toEqual({ file: small, outcome: 'filtered' })
  })

  it('ends with 1 when a message is invalid', async () => {
    const file = path.join(home.folder, 'bad.json')
    await writeFile(file, '{"total":"much"}')
    const { code, out } = await runCommand([
      'test-mapping',
      '--config',
      home.config,
      '-s',
      'orders',
      '-m',
      file,
    ])
    expect(code).toBe(1)
    expect(out).toContain('schema_invalid')
    expect(out).toContain('total: must be number')
  })
})
