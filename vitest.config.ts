import path from 'node:path'
import { defineConfig } from 'vitest/config'

const UNIT_TIMEOUT_MS = 5_000
const SERVER_TIMEOUT_MS = 30_000
const SYSTEM_TIMEOUT_MS = 180_000

/** Areas that speak to real servers share one way to start them. */
const SERVERS = ['./test/services/global-setup.ts']

interface AreaOptions {
  readonly timeoutMs: number
  readonly globalSetup?: string[]
}

/** One folder below test/, which is one project of the same name. */
function area(name: string, { timeoutMs, globalSetup = [] }: AreaOptions) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeoutMs,
      // Hooks start servers and wait for them.
      hookTimeout: 2 * timeoutMs,
      globalSetup,
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
    // Processes, not threads: files of tests load drivers, send signals and end processes.
    pool: 'forks',
    // The machines that run this have two cores, and each file of the later areas its own servers.
    maxWorkers: 2,
    projects: [
      area('unit', { timeoutMs: UNIT_TIMEOUT_MS }),
      area('conformance', { timeoutMs: SERVER_TIMEOUT_MS, globalSetup: SERVERS }),
      area('integration', { timeoutMs: SERVER_TIMEOUT_MS, globalSetup: SERVERS }),
      area('e2e', { timeoutMs: SYSTEM_TIMEOUT_MS, globalSetup: SERVERS }),
      area('chaos', { timeoutMs: SYSTEM_TIMEOUT_MS, globalSetup: SERVERS }),
    ],
  },
})
