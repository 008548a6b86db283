import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  candidateAccounts,
  runAs,
  type ServerAccount,
} from '../../src/embedded-postgres/server-account.ts'
import { freePort } from './free-port.ts'
import type { MosquittoService } from './mosquitto-service.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { ServiceUnavailable } from './require.ts'

/** Mosquitto's program and what it needs to run. */
export interface MosquittoPrograms {
  /** The program `mosquitto`. */
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

/** How a broker is to behave. */
export interface MosquittoOptions {
  /** Messages of one client on their way at once; the broker's own default is 20. */
  readonly maxInFlight?: number
  /** Lines of its configuration file beside those that every test needs. */
  readonly settings?: readonly string[]
  /** Lines of its access control list; left out: anybody may do anything. */
  readonly acl?: readonly string[]
  /** It listens with TLS too, and demands a certificate of this authority; all as PEM texts. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

const START_LIMIT_MS = 20_000

/**
 * Runs a broker of this program on free ports of 127.0.0.1. It writes its sessions down when it is
 * stopped in an orderly way.
 * @throws ServiceUnavailable when the program does not run here
 */
export async function startMosquittoServer(
  programs: MosquittoPrograms,
  origin: MosquittoService['origin'],
  options: MosquittoOptions,
): Promise<MosquittoService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const account = await tryProgram(programs, folder)
  const ports: Ports = {
    plain: await freePort(),
    webSocket: await freePort(),
    tls: await freePort(),
    tlsWebSocket: await freePort(),
  }
  const file = path.join(folder, 'mosquitto.conf')
  for (const [name, text] of Object.entries(filesOf(options))) {
    await writeFile(path.join(folder, name), text)
  }
  await writeFile(file, configuration(folder, ports, options))
  const start = (): Promise<RunningProcess> =>
    startReady(ports.plain, () =>
      runProcess({
        command: [programs.file, '-c', file],
        account,
        env: environment(programs),
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
      }),
    )
  let server = await start()
  return {
    url: `mqtt://127.0.0.1:${ports.plain}`,
    webSocketUrl: `ws://127.0.0.1:${ports.webSocket}`,
    ...(options.tls !== undefined && {
      tlsUrl: `mqtts://127.0.0.1:${ports.tls}`,
      tlsWebSocketUrl: `wss://127.0.0.1:${ports.tlsWebSocket}`,
    }),
    origin,
    controllable: true,
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    kill: () => server.kill(),
  }
}

interface Ports {
  readonly plain: number
  readonly webSocket: number
  readonly tls: number
  readonly tlsWebSocket: number
}

/** Beside the configuration, by name. */
function filesOf({ acl, tls }: MosquittoOptions): Readonly<Record<string, string>> {
  return {
    ...(acl !== undefined && { 'acl.conf': `${acl.join('\n')}\n` }),
    ...(tls !== undefined && { 'ca.pem': tls.ca, 'server.pem': tls.cert, 'server.key': tls.key }),
  }
}

function configuration(
  folder: string,
  ports: Ports,
  { maxInFlight = 1_000, settings = [], acl, tls }: MosquittoOptions,
): string {
  const secured = [
    `cafile ${folder}/ca.pem`,
    `certfile ${folder}/server.pem`,
    `keyfile ${folder}/server.key`,
    'require_certificate true',
  ]
  return [
    // As root it would become the user mosquitto, whom this machine need not have.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${folder}/`,
    `max_inflight_messages ${maxInFlight}`,
    'max_queued_messages 0',
    'log_type error',
    ...(acl === undefined ? [] : [`acl_file ${folder}/acl.conf`]),
    ...settings,
    `listener ${ports.plain} 127.0.0.1`,
    `listener ${ports.webSocket} 127.0.0.1`,
    'protocol websockets',
    ...(tls === undefined
      ? []
      : [
          `listener ${ports.tls} 127.0.0.1`,
          ...secured,
          `listener ${ports.tlsWebSocket} 127.0.0.1`,
          'protocol websockets',
          ...secured,
        ]),
    '',
  ].join('\n')
}

async function tryProgram(programs: MosquittoPrograms, folder: string): Promise<ServerAccount> {
  let output = ''
  for (const account of candidateAccounts()) {
    const { owner } = account
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
    const named = Object.entries(environment(programs)).map(([name, value]) => `${name}=${value}`)
    const command = ['sh', '-c', 'cd -- "$1" && exec "$2" -h', 'sh', folder, programs.file]
    const tried = await runAs(account, ['env', ...named, ...command])
    if (/mosquitto version \S+/.test(tried.output)) return account
    ;({ output } = tried)
  }
  await rm(folder, { recursive: true })
  throw new ServiceUnavailable(`${programs.file} does not run here: ${output}`)
}

function environment(programs: MosquittoPrograms): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...programs.env }
}

// Again when it ends early: after a kill the port may be taken for a moment.
async function startReady(port: number, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    if ((await listens(port)) && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`Mosquitto did not become ready:\n${server.logTail()}`)
    }
    await delay(20)
    if (!server.isRunning()) server = start()
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.on('connect', () => {
      end(true)
    })
    socket.on('error', () => {
      end(false)
    })
  })
}
