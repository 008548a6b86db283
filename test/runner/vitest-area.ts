import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { NOTHING_RUN, type AreaResult, type NamedTest } from './area-result.ts'
import { root, runNode, type Ended } from './child.ts'
import { OUTCOMES_FILE_VARIABLE } from './outcome-reporter.ts'
import { seconds } from './summary.ts'

const TIMEOUT_MS = 900_000
const LONG_TIMEOUT_MS = 4 * 3_600_000

/** The areas that vitest runs, in the order in which a reader wants to know of them. */
export const vitestAreaNames = [
  'unit',
  'conformance',
  'integration',
  'brokers',
  'e2e',
  'chaos',
] as const

const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
})
type Report = z.infer<typeof report>

const namedTests = z.array(
  z
    .object({ name: z.string(), reason: z.string().optional() })
    .transform(({ name, reason }): NamedTest => ({ name, reason })),
)
const outcomes = z.object({ failed: namedTests, skipped: namedTests })

/** How an area is run. */
export interface VitestAreaOptions {
  readonly long: boolean
  readonly vitestArguments: readonly string[]
  /** Files of tests at a time. */
  readonly workers: number
  /** Whether other areas run beside it: what it writes is then shown in one piece at its end. */
  readonly beside: boolean
}

/**
 * Runs one area with vitest. An area without a folder has no tests yet; one whose vitest ends without a
 * report has failed.
 */
export async function runVitestArea(
  area: string,
  { long, vitestArguments, workers, beside }: VitestAreaOptions,
): Promise<AreaResult> {
  if (!existsSync(path.join(root, 'test', area))) return withoutTests(area, 0)

  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  try {
    const reportFile = path.join(folder, 'report.json')
    const outcomesFile = path.join(folder, 'outcomes.json')
    const ended = await runNode(
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        `--project=${area}`,
        '--passWithNoTests',
        // A forgotten `.only` would leave the rest of its file unrun.
        '--allowOnly=false',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${reportFile}`,
        '--reporter=./test/runner/outcome-reporter.ts',
        ...vitestArguments,
      ],
      {
        output: beside ? 'capture' : 'inherit',
        env: {
          [OUTCOMES_FILE_VARIABLE]: outcomesFile,
          CROSSDOCK_TEST_WORKERS: String(workers),
          ...(beside && process.stdout.isTTY && { FORCE_COLOR: '1' }),
        },
        timeoutMs: long ? LONG_TIMEOUT_MS : TIMEOUT_MS,
      },
    )
    if (beside) console.log(`\n${area}  ${seconds(ended.durationMs)}\n${ended.output.trimEnd()}\n`)
    return toResult(area, ended, await readReport(reportFile), await readOutcomes(outcomesFile))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function toResult(
  area: string,
  ended: Ended,
  found: Report | undefined,
  { failed: failedTests, skipped: skippedTests }: z.infer<typeof outcomes>,
): AreaResult {
  const { durationMs } = ended
  const named = { failedTests, skippedTests }
  if (found === undefined) {
    const remark = `vitest ended without a report (${howItEnded(ended)})`
    return { area, durationMs, passed: 0, failed: 1, skipped: 0, ...named, remark }
  }
  // A file that could not be loaded, or whose hooks failed, has no failed test to count.
  const brokenFiles = found.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = found.numFailedTests + brokenFiles
  const counts = {
    area,
    durationMs,
    passed: found.numPassedTests,
    skipped: found.numPendingTests + found.numTodoTests,
    ...named,
  }
  // An error outside of any test, or one at the very end, shows in the exit code alone.
  if (failed === 0 && ended.exitCode !== 0) {
    return {
      ...counts,
      failed: 1,
      remark: `vitest failed without a failed test (${howItEnded(ended)})`,
    }
  }
  if (failed + counts.passed + counts.skipped === 0) return withoutTests(area, durationMs)
  return { ...counts, failed }
}

function withoutTests(area: string, durationMs: number): AreaResult {
  return { area, durationMs, ...NOTHING_RUN, remark: 'no tests found' }
}

function howItEnded({ exitCode, signal, timedOut, durationMs }: Ended): string {
  if (timedOut) return `killed after ${Math.round(durationMs / 1000)} s`
  return signal === null ? `exit code ${exitCode ?? 'none'}` : signal
}

async function readReport(file: string): Promise<Report | undefined> {
  return report.safeParse(await readJson(file)).data
}

async function readOutcomes(file: string): Promise<z.infer<typeof outcomes>> {
  return outcomes.safeParse(await readJson(file)).data ?? { failed: [], skipped: [] }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    // Not written, or not to its end: both mean that vitest did not come so far.
    return undefined
  }
}
