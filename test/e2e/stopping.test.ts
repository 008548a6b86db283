import { afterAll, beforeAll, expect, it } from 'vitest'
import { post, send, untilJob } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'

let home: TestFolder
let program: RunningProgram

beforeAll(async () => {
  home = await makeFolder(() => exampleConfiguration())
  program = await startProgram(home)
})

afterAll(async () => {
  if (program.isRunning()) await program.stop()
  await home.remove()
})

it('while a handler ends after SIGTERM, health is answered and nothing is taken in', async () => {
  const { url } = program
  const slow = await post(`${url}/in/slow`, { steps: 15, step_ms: 200 })
  const id = String(slow.body['id'])
  await untilJob(url, id, (job) => job['status'] === 'processing')
  expect((await send(`${url}/health`)).body).toMatchObject({ status: 'ok', stopping: false })

  program.signal('SIGTERM')
  await untilStopping(url)
  const [live, ready, health, status] = await Promise.all(
    ['livez', 'readyz', 'health', 'status'].map((route) => send(`${url}/${route}`)),
  )
  expect(live).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(ready).toMatchObject({ status: 503, body: { status: 'not_ready', reason: 'stopping' } })
  expect(health).toMatchObject({ status: 200, body: { status: 'ok', stopping: true } })
  expect(status).toMatchObject({ status: 200 })
  const refused = await Promise.all([
    post(`${url}/in/hello`, { name: 'Late' }),
    post(`${url}/api/jobs`, { handler: 'examples.hello', payload: { name: 'Late' } }),
    send(`${url}/api/jobs/${id}`),
  ])
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'instance_stopping' } })
  }
  // All of that was while the handler ran.
  expect(program.isRunning()).toBe(true)

  expect(await program.ended).toMatchObject({ code: 0, signal: null })
  await expect(send(`${url}/livez`)).rejects.toThrow()
})

/** The signal comes to the program a moment after it was sent. */
async function untilStopping(url: string): Promise<void> {
  for (;;) {
    const { body } = await send(`${url}/health`)
    if (body['stopping'] === true) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
