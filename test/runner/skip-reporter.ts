import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'
import type { SkippedTest } from './area-result.ts'

/** Names the file that {@link SkipReporter} writes. */
export const SKIPS_FILE_VARIABLE = 'CROSSDOCK_TEST_SKIPS_FILE'

/** Writes which tests were skipped and why, which vitest's JSON reporter leaves out. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[]): void {
    const file = process.env[SKIPS_FILE_VARIABLE]
    if (file === undefined) return
    const skipped: SkippedTest[] = []
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests('skipped')) {
        const result = test.result()
        const where = path.relative(process.cwd(), testModule.moduleId)
        skipped.push({
          name: `${where} > ${test.fullName}`,
          reason: result.state === 'skipped' ? result.note : undefined,
        })
      }
    }
    writeFileSync(file, JSON.stringify(skipped))
  }
}
