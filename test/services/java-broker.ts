import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { makeAuthority, type Authority } from './certificates.ts'
import { freePort } from './free-port.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { ServiceUnavailable } from './require.ts'
import type { StompBroker, StompBrokerTools } from './stomp-broker.ts'

const run = promisify(execFile)

/** Where a broker listens. */
export interface BrokerPorts {
  readonly stomp: number
  readonly tls: number
  readonly webSocket: number
  readonly tlsWebSocket: number
  /** For the broker's own command line. */
  readonly own: number
}

/** What the files of a broker are made from. */
export interface BrokerPlace {
  readonly folder: string
  readonly ports: BrokerPorts
  readonly authority: Authority
}

/** A broker that runs in Java. */
export interface JavaBroker {
  readonly kind: StompBroker['kind']
  /** The folder of its jars. */
  readonly jars: string
  /** Writes its configuration, and says with which arguments it is run: system properties, main class and its own. */
  prepare(place: BrokerPlace): Promise<readonly string[]>
  tools(place: BrokerPlace): StompBrokerTools
  readonly maxHeap: string
}

/** The one who may sign in at a broker of the tests. */
export const ACCOUNT = { username: 'crossdock', password: 'crossdock-secret' }

const START_LIMIT_MS = 60_000
const TOOL_LIMIT_MS = 60_000
/** The first one that both brokers run on. */
const MIN_JAVA = 17
/** Small, and begun fast. */
const JVM = ['-Xshare:auto', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const LOG = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
/** What the tools have to say is in their log. */
const TOOL_LOG = ['-Dorg.slf4j.simpleLogger.logFile=System.out']

/** Runs a broker on free ports of 127.0.0.1, with data of its own. It ends with this process, however that ends. */
export async function startJavaBroker(broker: JavaBroker): Promise<StompBroker> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const ports: BrokerPorts = {
    stomp: await freePort(),
    tls: await freePort(),
    webSocket: await freePort(),
    tlsWebSocket: await freePort(),
    own: await freePort(),
  }
  const authority = await makeAuthority('localhost', 'client')
  const place = { folder, ports, authority }
  const args = await broker.prepare(place)
  const heap = [`-Xmx${broker.maxHeap}`, `-Djava.io.tmpdir=${folder}`, LOG]
  const command = ['java', ...JVM, ...heap, '-cp', path.join(broker.jars, '*'), ...args]
  const start = (): Promise<RunningProcess> =>
    startReady(ports, () =>
      runProcess({
        command,
        account: { prefix: [], spawnAs: {} },
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
      }),
    )
  let server = await start()
  return {
    kind: broker.kind,
    url: `stomp://127.0.0.1:${ports.stomp}`,
    tlsUrl: `stomp+ssl://127.0.0.1:${ports.tls}`,
    webSocketUrl: `ws://127.0.0.1:${ports.webSocket}`,
    tlsWebSocketUrl: `wss://127.0.0.1:${ports.tlsWebSocket}`,
    authority,
    account: ACCOUNT,
    tools: broker.tools(place),
    origin: 'maven',
    controllable: true,
    stop: async () => {
      // Nobody reads its data any more: it need not end in an orderly way.
      await server.kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    kill: () => server.kill(),
  }
}

/** A broker that someone else runs, as an environment variable names it. */
export function foreignBroker(
  kind: StompBroker['kind'],
  origin: Exclude<StompBroker['origin'], 'maven'>,
  url: string,
): StompBroker {
  const refuse = async (): Promise<void> => {
    throw new ServiceUnavailable(`the broker of ${origin} is not ours to stop`)
  }
  return {
    kind,
    url,
    tlsUrl: undefined,
    webSocketUrl: undefined,
    tlsWebSocketUrl: undefined,
    authority: undefined,
    account: ACCOUNT,
    tools: undefined,
    origin,
    controllable: false,
    stop: async () => undefined,
    restart: refuse,
    kill: refuse,
  }
}

/** Runs one command of a broker's own tools, and returns what it prints. */
export async function runTool(jars: string, args: readonly string[]): Promise<string> {
  const all = [...JVM, '-Xmx128m', ...TOOL_LOG, '-cp', path.join(jars, '*'), ...args]
  const { stdout } = await run('java', all, { timeout: TOOL_LIMIT_MS, maxBuffer: 2 ** 26 })
  return stdout
}

/** @throws ServiceUnavailable without a Java that runs the brokers */
export async function checkJava(): Promise<void> {
  const { stderr } = await run('java', ['-version']).catch((cause: unknown) => {
    throw new ServiceUnavailable('this machine has no Java', { cause })
  })
  const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (major < MIN_JAVA) {
    throw new ServiceUnavailable(`the broker needs Java ${MIN_JAVA}, and this is ${major}`)
  }
}

// Again when it ends early: after a kill the port may be taken for a moment.
async function startReady(
  { stomp, tlsWebSocket }: BrokerPorts,
  start: () => RunningProcess,
): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    // The last one to listen, and the one that matters.
    const isReady = (await answers(stomp)) && (await answers(tlsWebSocket, false))
    if (isReady && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`the broker did not become ready:\n${server.logTail()}`)
    }
    await delay(25)
    if (!server.isRunning()) server = start()
  }
}

/** Whether a broker accepts a connect, or at least something listens. */
function answers(port: number, isStomp = true): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (isStomp) socket.write('CONNECT\naccept-version:1.1\nhost:localhost\n\n\0')
      else end(true)
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
