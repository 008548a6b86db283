import { existsSync } from 'node:fs'
import path from 'node:path'
import { NOTHING_RUN, type AreaResult, type NamedTest, parseCountsLine } from './area-result.ts'
import { root, runNode } from './child.ts'
import { seconds } from './summary.ts'

const PROGRAM = 'test/sabotage/run.ts'
const TIMEOUT_MS = 900_000
const LONG_TIMEOUT_MS = 4 * 3_600_000

/** Runs the sabotage: each breaks one line of the program and expects its test to fail. */
export async function runSabotageArea({
  long,
  beside,
}: {
  readonly long: boolean
  /** Whether other areas run beside it: what it writes is then shown in one piece at its end. */
  readonly beside: boolean
}): Promise<AreaResult> {
  const area = 'sabotage'
  const none = { area, durationMs: 0, ...NOTHING_RUN }
  if (!existsSync(path.join(root, PROGRAM))) return { ...none, remark: 'no tests found' }

  const ended = await runNode([PROGRAM, ...(long ? [] : ['--short'])], {
    output: beside ? 'capture' : 'tee',
    timeoutMs: long ? LONG_TIMEOUT_MS : TIMEOUT_MS,
  })
  if (beside) console.log(`\nsabotage  ${seconds(ended.durationMs)}\n${ended.output.trimEnd()}\n`)
  const counts = parseCountsLine(ended.output)
  const result = {
    ...none,
    durationMs: ended.durationMs,
    ...counts,
    failedTests: failures(ended.output),
  }
  if (counts === undefined) {
    return { ...result, failed: 1, remark: `${PROGRAM} ended without its last line of counts` }
  }
  if (counts.failed === 0 && ended.exitCode !== 0) {
    return { ...result, failed: 1, remark: `${PROGRAM} failed without a failed test` }
  }
  return result
}

/** Reads the lines that name a failed sabotage, each with its problem in the line below. */
function failures(output: string): NamedTest[] {
  return [...output.matchAll(/^FAILED (.+)\n +(.+)$/gm)].map(([, name = '', reason]) => ({
    name,
    reason,
  }))
}
