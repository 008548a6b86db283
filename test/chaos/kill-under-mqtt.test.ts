import { connect } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RunningProgram } from '../e2e/program.ts'
import { startMosquitto } from '../services/mosquitto.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { EFFECT, startEffectRun, until } from './effect-run.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 10_000 : 800
const KILLS = LONG ? 10 : 2
const LIMIT_MS = LONG ? 1_200_000 : 170_000

async function isTaking({ url }: RunningProgram): Promise<boolean> {
  const answer = await fetch(`${url}/status`)
  const { integrations } = (await answer.json()) as {
    integrations: { connections: { health: { status: string } }[] }
  }
  return integrations.connections.every(({ health }) => health.status === 'ok')
}

/** Kills the program at random places while messages come in; each must be one job that ran once. */
async function underKills(
  database: ProgramDatabase,
  brokerUrl: string,
  options: { readonly qos: 1 | 2; readonly hasKeys: boolean },
): Promise<void> {
  const { qos, hasKeys } = options
  const topics = [{ topic: 'effect/#', qos }]
  const mqtt = {
    connections: { broker: { url: brokerUrl } },
    subscriptions: [{ name: 'effect', topics, handler: EFFECT }],
  }
  const run = await startEffectRun(database, { mqtt }, MESSAGES)
  await until(() => isTaking(run.program())).catch(async (cause: unknown) => {
    const status = await (await fetch(`${run.program().url}/status`)).text()
    throw new Error(`it takes nothing in:\n${status}\n${run.program().err()}`, { cause })
  })
  const client = connect(brokerUrl, { protocolVersion: 5 })
  onTestFinished(() => client.endAsync(true))
  const places = Array.from({ length: KILLS }, (_, index) =>
    Math.floor(((index + 0.1 + 0.8 * Math.random()) / KILLS) * MESSAGES * 0.9),
  )
  const publishing = run.publish((key) =>
    client.publishAsync(`effect/${key}`, JSON.stringify({ key }), {
      qos,
      // Left out and not empty: the library writes an empty list wrongly.
      ...(hasKeys && { properties: { userProperties: { 'idempotency-key': key } } }),
    }),
  )
  for (const place of places) {
    await run.untilStored(place)
    await run.kill()
  }
  await publishing
  await run.expectEachOnce({ ...options, places })
  expect((await run.program().stop()).code).toBe(0)
}

/** In the short form one database each: what the other one adds is tried by the conformance suites. */
const CASES = [
  { qos: 1, hasKeys: true, on: 'MariaDB', isShort: true },
  { qos: 1, hasKeys: true, on: 'PostgreSQL', isShort: false },
  { qos: 2, hasKeys: false, on: 'PostgreSQL', isShort: true },
  { qos: 2, hasKeys: false, on: 'MariaDB', isShort: false },
] as const

describe('a process that is killed while messages come in over MQTT', () => {
  it.for(CASES.filter(({ isShort }) => LONG || isShort))(
    'makes one job of each message: quality of service $qos, with keys $hasKeys, on $on',
    { timeout: LIMIT_MS },
    async ({ on, ...options }, { skip }) => {
      const database = await PROGRAM_DATABASES[on]()
      if (database === undefined) return skip('a server is not available')
      onTestFinished(() => database.stop())
      const broker = await startOrSkip('mosquitto', () => startMosquitto())
      if (broker === undefined) return skip('a server is not available')
      onTestFinished(() => broker.stop())
      await underKills(database, broker.url, options)
    },
  )
})
