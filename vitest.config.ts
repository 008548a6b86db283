import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { SlowFirst } from './test/runner/slow-first.ts'

const UNIT_TIMEOUT_MS = 5_000
const SERVER_TIMEOUT_MS = 30_000
const SYSTEM_TIMEOUT_MS = 180_000

/** Areas that speak to real servers share one way to start them. */
const SERVERS = ['./test/services/global-setup.ts']

interface AreaOptions {
  readonly timeoutMs: number
  readonly globalSetup?: string[]
  /**
   * Whether each file has a process of its own. Without, those of one worker run one after the other in one
   * process, which loads the sources and starts the servers that it shares once.
   */
  readonly isolate?: boolean
}

/** One folder below test/, which is one project of the same name. */
function area(name: string, { timeoutMs, globalSetup = [], isolate = true }: AreaOptions) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeoutMs,
      // Hooks start servers and wait for them.
      hookTimeout: 2 * timeoutMs,
      globalSetup,
      isolate,
    },
  }
}

export default defineConfig({
  resolve: {
    // Handlers import the package by its name, which leads to dist; tests run the sources, and
    // a second copy would have a second PermanentError.
    alias: [
      { find: /^crossdock$/, replacement: path.resolve(import.meta.dirname, 'src/index.ts') },
      {
        find: /^crossdock\/testing$/,
        replacement: path.resolve(import.meta.dirname, 'src/testing.ts'),
      },
    ],
  },
  test: {
    // What is waited for comes at once, or late on a machine that is busy with other tests.
    expect: { poll: { timeout: 10_000 } },
    // Processes, not threads: files of tests load drivers, send signals and end processes.
    pool: 'forks',
    sequence: { sequencer: SlowFirst },
    // For two cores. A run of several areas says for each how many; the projects' own word would be
    // stronger than an argument.
    maxWorkers: Number(process.env['CROSSDOCK_TEST_WORKERS'] ?? 2),
    projects: [
      area('unit', { timeoutMs: UNIT_TIMEOUT_MS, isolate: false }),
      area('conformance', { timeoutMs: SERVER_TIMEOUT_MS, globalSetup: SERVERS, isolate: false }),
      area('integration', { timeoutMs: SERVER_TIMEOUT_MS, globalSetup: SERVERS, isolate: false }),
      // One process at a time: each has a Kafka and two ActiveMQ of its own.
      area('brokers', { timeoutMs: SERVER_TIMEOUT_MS, globalSetup: SERVERS, isolate: false }),
      area('e2e', { timeoutMs: SYSTEM_TIMEOUT_MS, globalSetup: SERVERS, isolate: false }),
      area('chaos', { timeoutMs: SYSTEM_TIMEOUT_MS, globalSetup: SERVERS, isolate: false }),
    ],
  },
})
