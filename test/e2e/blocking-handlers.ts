import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { exampleConfiguration, makeFolder, type TestFolder } from './program.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/** Handlers that keep the main thread from answering, or end their process. */
const HANDLERS = `
  import { defineHandler } from 'crossdock'

  export default [
    defineHandler({
      name: 'block',
      timeoutMs: 20_000,
      run({ input }: { input: { ms: number } }) {
        // The main thread stands still, and takes no processor from the other tests.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, input.ms)
        return 'blocked'
      },
    }),
    defineHandler({
      name: 'hang',
      maxRetries: 0,
      timeoutMs: 500,
      run() {
        // On a processor; for the sake of the other tests, in the short form for a second, and then off it.
        for (const until = Date.now() + 1_000; ${String(LONG)} || Date.now() < until;);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      },
    }),
    defineHandler({
      name: 'kill',
      maxRetries: 3,
      retryDelay: 100,
      async run() {
        // Its begin, and those of its neighbours, are in writing by then.
        await new Promise((resolve) => setTimeout(resolve, 300))
        process.kill(process.pid, 'SIGKILL')
      },
    }),
    defineHandler({
      name: 'kill-at-once',
      maxRetries: 2,
      retryDelay: 100,
      run() {
        process.kill(process.pid, 'SIGKILL')
      },
    }),
    defineHandler({
      name: 'neighbour',
      maxRetries: 2,
      retryDelay: 100,
      async run() {
        await new Promise((resolve) => setTimeout(resolve, 1_500))
        return 'done'
      },
    }),
    defineHandler({ name: 'quick', run: () => 'quick' }),
  ]
`

/** A folder with these handlers, and instances that hold leases for a second. */
export async function blockingHome(
  url: string,
  { workers = 2, instance = {} }: { workers?: number; instance?: object } = {},
): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url },
      instance,
      jobs: {
        workers,
        handlers: ['./handlers'],
        lease_seconds: 1,
        shutdown_grace_seconds: 1,
        poll_interval: '200ms',
        retry: { type: 'fixed', initial: '100ms' },
      },
      integrations: {},
      logging: { format: 'json' },
    }),
  )
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/blocking.ts'), HANDLERS)
  return home
}
