import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import type { Sabotage } from './sabotage.ts'

/** What became of the named test: `missing` when no test of that name ran. */
export type TestOutcome = 'passed' | 'failed' | 'missing'

/** What a test process is asked for. */
export interface NamedTest {
  readonly testFile: string
  /** A part of the full name. */
  readonly test: string
  /** Files of the copy that were broken or mended at any time, as paths in it. */
  readonly changed: readonly string[]
}

/** Runs named tests in one copy of the repository, one after the other. */
export interface NamedTests {
  /** Runs the one test of a sabotage. A file that does not even load counts as missing. */
  run(sabotage: Sabotage, changed: readonly string[]): Promise<TestOutcome>
  /** Ends its process; may be called without a run. */
  end(): Promise<void>
}

/**
 * One process for all tests of a copy: to start vitest for each took 0.9 s of a processor and to keep it takes
 * 0.3 s. Each test still runs in a process of its own.
 * @param servers variables that name servers, instead of which the tests would start their own
 */
export function openNamedTests(
  root: string,
  servers: Readonly<Record<string, string>>,
): NamedTests {
  let child: ChildProcess | undefined

  function start(): ChildProcess {
    return fork(path.join(root, 'test/sabotage/test-process.ts'), {
      cwd: root,
      env: { ...process.env, ...servers },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
  }

  return {
    run: (sabotage, changed) => {
      const asked = child?.connected === true ? child : (child = start())
      const { testFile, test } = sabotage
      return new Promise((resolve, reject) => {
        const fail = (): void => {
          reject(new Error(`the process of the tests ended during ${testFile}`))
        }
        asked.once('exit', fail)
        asked.once('message', (outcome: TestOutcome) => {
          asked.off('exit', fail)
          resolve(outcome)
        })
        asked.send({ testFile, test, changed } satisfies NamedTest)
      })
    },
    end: async () => {
      const ending = child
      if (ending?.connected !== true) return
      const ended = new Promise((resolve) => ending.once('exit', resolve))
      ending.disconnect()
      await ended
    },
  }
}
