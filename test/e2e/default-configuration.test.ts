import { spawn } from 'node:child_process'
import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../services/free-port.ts'
import { homeSql, type PrintedRow } from './home-sql.ts'
import { untilCompleted } from './http-client.ts'
import {
  makeFolder,
  paste,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'

const REPOSITORY = path.resolve(import.meta.dirname, '../..')

let home: TestFolder
let program: RunningProgram
let client: MqttClient
let env: Record<string, string>
const received: { topic: string; text: string }[] = []

/** What `npm start` runs, as it stands in the repository, with a data folder of its own. */
async function copyDefaults(): Promise<TestFolder> {
  const made = await makeFolder(() => ({}))
  await mkdir(path.join(made.folder, 'config'))
  const config = path.join(made.folder, 'config/configuration.json')
  await cp(path.join(REPOSITORY, 'config/configuration.json'), config)
  await cp(path.join(REPOSITORY, 'handlers'), path.join(made.folder, 'handlers'), {
    recursive: true,
  })
  return { ...made, config }
}

async function rowsOf(statement: string): Promise<readonly PrintedRow[]> {
  return await homeSql(home, statement, { ...process.env, ...env })
}

/** The line that begins so, of those to paste. */
function printed(begin: string): string {
  const line = program
    .out()
    .split('\n')
    .map((each) => each.trim())
    .find((each) => each.startsWith(begin))
  if (line === undefined) throw new Error(`${begin} is not in:\n${program.out()}`)
  return line
}

beforeAll(async () => {
  home = await copyDefaults()
  env = {
    CROSSDOCK_HTTP_PORT: String(await freePort()),
    CROSSDOCK_MQTT_PORT: String(await freePort()),
  }
  program = await startProgram(home, { env })
  client = await mqtt.connectAsync(`mqtt://127.0.0.1:${env['CROSSDOCK_MQTT_PORT'] ?? ''}`, {
    protocolVersion: 4,
  })
  client.on('message', (topic, payload) => received.push({ topic, text: payload.toString() }))
  await client.subscribeAsync('demo/out', { qos: 1 })
})

afterAll(async () => {
  await client.endAsync(true)
  if (program.isRunning()) await program.stop()
  await home.remove()
})

it('is connected to its broker by the time it says that it is ready', () => {
  expect(program.out()).toMatch(/^ {2}connection +mqtt:embedded {2}ok$/m)
})

it('gives a message of MQTT 3.1.1 back as a greeting, through the outbox', async () => {
  await client.publishAsync('demo/in/x', '{"name":"Grace"}', { qos: 1 })
  await expect.poll(() => received, { timeout: 20_000 }).toHaveLength(1)
  expect(received).toEqual([{ topic: 'demo/out', text: '{"greeting":"Hello, Grace"}' }])
  const jobs = (): Promise<unknown> =>
    rowsOf(
      "SELECT handler, protocol, direction, method, statusid FROM queue_jobs WHERE protocol = 'mqtt' ORDER BY seq",
    )
  // The broker gives the message on before it confirms it to us.
  await expect.poll(jobs, { timeout: 20_000 }).toEqual([
    {
      handler: 'examples.hello',
      protocol: 'mqtt',
      direction: 'inbound',
      method: 'demo/in/x',
      statusid: 3,
    },
    {
      handler: 'outbound.publish',
      protocol: 'mqtt',
      direction: 'outbound',
      method: 'demo-out',
      statusid: 3,
    },
  ])
})

it('prints commands that greet by HTTP and by MQTT, and that let the clock greet', async () => {
  const posted = await paste(printed('curl -i'))
  await untilCompleted(program.url, /"id":"([^"]+)"/.exec(posted.out)?.[1] ?? '')

  let heard = ''
  // A group of its own: npx has children.
  const listener = spawn('sh', ['-c', printed('npx mqtt sub')], {
    cwd: REPOSITORY,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  listener.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
  try {
    // Until it listens nobody hears: it does not say when.
    const publishOnce = async (): Promise<string> => {
      expect((await paste(printed('npx mqtt pub'))).code).toBe(0)
      return heard
    }
    await expect.poll(publishOnce, { timeout: 30_000 }).toContain('{"greeting":"Hello, Ada"}')
  } finally {
    process.kill(-(listener.pid ?? 0), 'SIGKILL')
  }

  const inserted = await paste(printed('npx crossdock sql --config').replace(', 10)"', ', 1)"'))
  expect(inserted.code, inserted.err).toBe(0)
  const greeted = (): Promise<readonly unknown[]> =>
    rowsOf(
      `SELECT q.result FROM queue_jobs q JOIN jobs j ON j.id = q.scheduledjobid
       WHERE j.name = 'Every ten seconds' AND q.statusid = 3 LIMIT 1`,
    )
  await expect.poll(greeted, { timeout: 20_000 }).toEqual([{ result: '{"greeting":"Hello, Ada"}' }])
})

it('has its heartbeat in jobs, every 60 seconds, and it fires', async () => {
  expect(
    await rowsOf("SELECT handler, intervalseconds, enabled FROM jobs WHERE name = 'heartbeat'"),
  ).toEqual([{ handler: 'examples.heartbeat', intervalseconds: 60, enabled: true }])
  // Its next tick, without the wait for it.
  await rowsOf("UPDATE jobs SET nextrunat = clock_timestamp() WHERE name = 'heartbeat'")
  const beats = (): Promise<readonly unknown[]> =>
    rowsOf(
      "SELECT result FROM queue_jobs WHERE handler = 'examples.heartbeat' AND typeid = 1 AND statusid = 3",
    )
  await expect
    .poll(beats, { timeout: 20_000 })
    .toEqual([{ result: expect.stringMatching(/^\{"beat_at":/) as unknown }])
})

it.each(['CROSSDOCK_HTTP_PORT', 'CROSSDOCK_MQTT_PORT'])(
  'names %s where its port is taken',
  async (variable) => {
    const other = String(await freePort())
    const others = { CROSSDOCK_HTTP_PORT: other, CROSSDOCK_MQTT_PORT: other }
    const taken = { ...others, [variable]: env[variable] ?? '' }
    const { code, err } = await runCommand(['start', '--config', home.config], taken)
    expect(code).toBe(1)
    expect(err).toContain(`Set ${variable} to another port`)
  },
)

it('drains and stops at Ctrl-C', async () => {
  const { code, err } = await program.stop()
  expect(code, err).toBe(0)
  expect(err).toContain('Stopped.')
})
