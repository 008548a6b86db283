import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { post, send, untilCompleted } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'

describe.each(Object.entries(PROGRAM_DATABASES))('while its %s is away', (_name, open) => {
  let service: ProgramDatabase | undefined
  let home: TestFolder | undefined
  let program: RunningProgram | undefined

  beforeAll(async () => {
    service = await open()
    if (service?.controllable !== true) return
    const { url } = service
    home = await makeFolder(() =>
      exampleConfiguration({ database: { url }, logging: { level: 'info', format: 'json' } }),
    )
    program = await startProgram(home)
  })

  afterAll(async () => {
    if (program?.isRunning()) await program.stop()
    await home?.remove()
    await service?.stop()
  })

  it('acknowledges nothing, says so, and goes on by itself', async ({ skip }) => {
    if (service?.controllable !== true || program === undefined) return skip()
    const { url } = program
    const slow = await post(`${url}/in/slow`, { steps: 6, step_ms: 500 })
    expect(slow.status).toBe(202)
    await service.kill()

    const refused = await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        post(`${url}/in/hello`, { name: 'Refused' }, { 'idempotency-key': key }),
      ),
    )
    for (const answer of refused) {
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.body).toMatchObject({ code: 'database_unavailable' })
      // Never a driver's message: it may hold an address.
      expect(answer.text).not.toContain('ECONN')
      expect(answer.text).not.toContain('127.0.0.1')
    }
    expect(
      await post(`${url}/api/jobs`, { handler: 'examples.hello', payload: { name: 'x' } }),
    ).toMatchObject({ status: 503 })
    expect(await send(`${url}/api/jobs/any`)).toMatchObject({ status: 503 })
    expect(await send(`${url}/health`)).toMatchObject({
      status: 503,
      body: { status: 'down', components: { database: { status: 'down' } } },
    })
    expect(await send(`${url}/readyz`)).toMatchObject({ status: 503 })
    expect(await send(`${url}/livez`)).toMatchObject({ status: 200 })
    expect(program.isRunning()).toBe(true)

    // A request that comes just before it is back waits for it.
    const waiting = post(`${url}/in/hello`, { name: 'Patient' })
    await service.restart()
    expect(await waiting).toMatchObject({ status: 202 })
    await untilCompleted(url, String((await waiting).body['id']))

    // The same keys again: one job each, and none from before.
    for (const key of ['a', 'b', 'c']) {
      const accepted = await post(
        `${url}/in/hello`,
        { name: `Accepted ${key}` },
        { 'idempotency-key': key },
      )
      expect(accepted.status).toBe(202)
      expect(await untilCompleted(url, String(accepted.body['id']))).toMatchObject({
        result: { greeting: `Hello, Accepted ${key}` },
        attempts: 1,
      })
    }
    // What ran meanwhile ended once: its end waited for the database.
    const id = String(slow.body['id'])
    await untilCompleted(url, id)
    const history = await send(`${url}/api/jobs/${id}/history`)
    expect(history.body['data']).toHaveLength(1)
    expect(await send(`${url}/health`)).toMatchObject({ status: 200 })
  })

  it('ends all the same when it is told to, soon', async ({ skip }) => {
    if (service?.controllable !== true || program === undefined) return skip()
    await service.kill()
    const from = performance.now()
    const ended = await program.stop()
    expect(ended.code).toBe(0)
    expect(performance.now() - from).toBeLessThan(25_000)
    await service.restart()
  })
})
