import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { runAs } from '../../src/embedded-postgres/server-account.ts'
import { makeAuthority } from './certificates.ts'
import { freePort } from './free-port.ts'
import {
  KAFKA_ACCOUNTS,
  type KafkaPorts,
  kafkaProperties,
  scramUsers,
  TOKEN_AUDIENCE,
} from './kafka-properties.ts'
import type { KafkaService } from './kafka-service.ts'
import { kafkaTools } from './kafka-tools.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { startTokenServer } from './token-server.ts'

/** How a broker is to behave. */
export interface KafkaOptions {
  /** Lines of its properties beside those that every test needs. */
  readonly settings?: readonly string[]
  /** For measurements: a larger heap, and the compiler that takes longer and makes faster code. */
  readonly isFast?: boolean
}

const START_LIMIT_MS = 60_000
const OURSELVES = { prefix: [], spawnAs: {} }
const JVM = ['-Xshare:auto', '-Xms64m', '-XX:+UseSerialGC']
const SMALL = ['-Xmx384m', '-XX:TieredStopAtLevel=1']
const LARGE = ['-Xmx1g']

/** Runs a broker of these jars on free ports of 127.0.0.1: one node that is its own controller. */
export async function startKafkaServer(jars: string, options: KafkaOptions): Promise<KafkaService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const ports: KafkaPorts = {
    plain: await freePort(),
    controller: await freePort(),
    sasl: await freePort(),
    tls: await freePort(),
    saslTls: await freePort(),
  }
  const file = path.join(folder, 'server.properties')
  const authority = await makeAuthority('localhost', 'client')
  const tokens = await startTokenServer()
  const settings = options.settings ?? []
  await writeFile(file, kafkaProperties({ folder, ports, authority, tokens, settings }))
  // A broker asks nobody for keys whom its administrator has not named also here.
  const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${tokens.keysUrl}`
  const java = (heap: readonly string[], ...args: readonly string[]): readonly string[] => [
    ...['java', ...JVM, ...heap, allowed, '-cp', path.join(jars, '*')],
    ...args,
  ]
  // A dash in front would be read as an option.
  const id = `A${randomBytes(16).toString('base64url').slice(1)}`
  const format = ['kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', file]
  const formatted = await runAs(OURSELVES, java(SMALL, ...format, ...scramUsers()))
  if (!formatted.ok) throw new Error(`Kafka's folder could not be made: ${formatted.output}`)
  const start = (): Promise<RunningProcess> =>
    startReady(ports.plain, () =>
      runProcess({
        command: java(options.isFast === true ? LARGE : SMALL, 'kafka.Kafka', file),
        account: OURSELVES,
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
      }),
    )
  let server = await start()
  const resume = (): void => {
    if (server.isRunning()) process.kill(server.pid, 'SIGCONT')
  }
  const at = (port: number): string => `127.0.0.1:${port}`
  const brokers = at(ports.plain)
  return {
    brokers,
    saslBrokers: at(ports.sasl),
    saslTlsBrokers: at(ports.saslTls),
    tlsBrokers: at(ports.tls),
    accounts: KAFKA_ACCOUNTS,
    tokens: { ...tokens, audience: TOKEN_AUDIENCE },
    authority,
    tools: kafkaTools(jars, brokers),
    origin: 'maven',
    controllable: true,
    get pid() {
      return server.pid
    },
    stop: async () => {
      // Nobody reads its data any more: it need not end in an orderly way.
      await server.kill()
      tokens.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
    restart: async () => {
      resume()
      await server.stop()
      server = await start()
    },
    kill: () => server.kill(),
    pause: () => {
      process.kill(server.pid, 'SIGSTOP')
    },
    resume,
  }
}

// Again when it ends early: after a kill the port may be taken for a moment.
async function startReady(port: number, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    if ((await answers(port)) && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`Kafka did not become ready:\n${server.logTail()}`)
    }
    await delay(50)
    if (!server.isRunning()) server = start()
  }
}

/** ApiVersions, version 0, of a client without a name: what every client asks first. */
const API_VERSIONS = Buffer.from('0000000a00120000000000010000', 'hex')

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(API_VERSIONS)
    })
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    socket.on('data', () => {
      end(true)
    })
    socket.on('error', () => {
      end(false)
    })
    socket.on('close', () => {
      end(false)
    })
  })
}
