import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { SerializedError, TestError } from 'vitest'
import type { Reporter, TestModule, TestResult } from 'vitest/node'
import type { NamedTest } from './area-result.ts'

/** Names the file that {@link OutcomeReporter} writes. */
export const OUTCOMES_FILE_VARIABLE = 'CROSSDOCK_TEST_OUTCOMES_FILE'

/** Writes which tests failed or were skipped, and why: what vitest's JSON reporter leaves out. */
export default class OutcomeReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env[OUTCOMES_FILE_VARIABLE]
    if (file === undefined) return
    const failed = testModules.flatMap((module) => [
      ...brokenParts(module),
      ...ended(module, 'failed'),
    ])
    if (unhandled.length > 0) {
      failed.push({ name: 'outside of any test', reason: messages(unhandled) })
    }
    const skipped = testModules.flatMap((module) => ended(module, 'skipped'))
    writeFileSync(file, JSON.stringify({ failed, skipped }))
  }
}

function ended(module: TestModule, state: 'failed' | 'skipped'): NamedTest[] {
  return [...module.children.allTests(state)].map((test) => ({
    name: `${nameOf(module)} > ${test.fullName}`,
    reason: reasonOf(test.result()),
  }))
}

/** A file that could not be loaded, and suites whose hooks failed: they have no failed test. */
function brokenParts(module: TestModule): NamedTest[] {
  const file = { name: nameOf(module), errors: module.errors() }
  const suites = [...module.children.allSuites()].map((suite) => ({
    name: `${nameOf(module)} > ${suite.fullName}`,
    errors: suite.errors(),
  }))
  return [file, ...suites].flatMap(({ name, errors }) =>
    errors.length === 0 ? [] : [{ name, reason: messages(errors) }],
  )
}

function reasonOf(result: TestResult): string | undefined {
  if (result.state === 'skipped') return result.note
  return result.state === 'failed' ? messages(result.errors) : undefined
}

/** What each says, and the line of the test that saw it: the last frame, where helpers threw it. */
function messages(errors: readonly (TestError | SerializedError)[]): string {
  return errors
    .map(({ message, stacks = [] }) => {
      const frame = stacks.find(({ file }) => file.endsWith('.test.ts')) ?? stacks[0]
      return frame === undefined
        ? message
        : `${message}\nat ${path.relative(process.cwd(), frame.file)}:${frame.line}`
    })
    .join('\n')
}

function nameOf(module: TestModule): string {
  return path.relative(process.cwd(), module.moduleId)
}
