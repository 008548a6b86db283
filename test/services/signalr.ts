import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { installPythonPackages } from './python-packages.ts'
import { ServiceUnavailable } from './require.ts'
import type { HubState, SignalrService } from './signalr-service.ts'

/** How a hub is to behave. */
export interface SignalrOptions {
  /** Whether it offers stateful reconnects. */
  readonly stateful?: boolean
}

const FOLDER = path.join(import.meta.dirname, 'signalr')
const START_LIMIT_MS = 20_000

/**
 * Starts a hub: the one that CROSSDOCK_TEST_SIGNALR_URL names, which has the paths that hub.py tells of, else an
 * implementation of Python from the package index. It ends with this process, however that ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startSignalr(options: SignalrOptions = {}): Promise<SignalrService> {
  const url = foreignUrl()
  if (url !== '') return foreignHub(url)
  const { python, folder: packages } = await install()
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const start = (): Promise<RunningProcess> =>
    startReady(base, () =>
      runProcess({
        command: [
          python,
          path.join(FOLDER, 'hub.py'),
          String(port),
          `stateful=${options.stateful === true ? 'yes' : 'no'}`,
        ],
        account: { prefix: [], spawnAs: {} },
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', PYTHONPATH: packages },
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
      }),
    )
  let server = await start()
  return {
    url: `${base}/hub`,
    origin: 'python',
    controllable: true,
    ...controls(base),
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

/**
 * Fetches what {@link startSignalr} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareSignalr(): Promise<void> {
  if (foreignUrl() === '') await install()
}

function install(): ReturnType<typeof installPythonPackages> {
  return installPythonPackages('aiosignalr', path.join(FOLDER, 'requirements.txt'))
}

function foreignUrl(): string {
  return process.env['CROSSDOCK_TEST_SIGNALR_URL'] ?? ''
}

function foreignHub(url: string): SignalrService {
  const refuse = async (): Promise<void> => {
    throw new ServiceUnavailable('the hub of CROSSDOCK_TEST_SIGNALR_URL is not ours to stop')
  }
  return {
    url,
    origin: 'CROSSDOCK_TEST_SIGNALR_URL',
    controllable: false,
    ...controls(new URL(url).origin),
    stop: async () => undefined,
    restart: refuse,
    kill: refuse,
  }
}

type Controls = Pick<
  SignalrService,
  'send' | 'invoke' | 'deliver' | 'drop' | 'close' | 'accept' | 'state'
>

function controls(base: string): Controls {
  async function control<Answer>(word: string, body: object): Promise<Answer> {
    const answer = await fetch(`${base}/control/${word}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`the hub answers ${answer.status} to ${word}`)
    return (await answer.json()) as Answer
  }
  return {
    send: async (message) => {
      await control('send', message)
    },
    invoke: (message) => control('invoke', message),
    deliver: async (messages, room) => {
      await control('deliver', { messages, room })
    },
    drop: async () => {
      await control('drop', {})
    },
    close: async (options) => {
      await control('close', options)
    },
    accept: async (accepted) => {
      await control('tokens', { accepted })
    },
    state: () => control<HubState>('state', {}),
  }
}

async function startReady(base: string, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  const server = start()
  for (;;) {
    const isReady = await controls(base)
      .state()
      .then(
        () => true,
        () => false,
      )
    if (isReady && server.isRunning()) return server
    if (Date.now() > deadline || !server.isRunning()) {
      await server.kill()
      throw new Error(`the hub did not become ready:\n${server.logTail()}`)
    }
    await delay(50)
  }
}
