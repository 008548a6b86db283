/** A test that failed or was not run, and why. */
export interface NamedTest {
  readonly name: string
  /** Undefined where nothing was said. */
  readonly reason: string | undefined
}

/** What one area of the tests came to. A static check is an area of one test. */
export interface AreaResult {
  readonly area: string
  /** When it began, from the begin of the run: which areas kept the processors busy at the end. */
  readonly beganMs?: number
  readonly durationMs: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** As many of the skipped tests as the area named. */
  readonly skippedTests: readonly NamedTest[]
  /** As many of the failed tests as the area named. */
  readonly failedTests: readonly NamedTest[]
  /** Why the area has a failure that no test of it reports, or has no tests at all. */
  readonly remark?: string
}

/** The part of an {@link AreaResult} that an area without a test has. */
export const NOTHING_RUN = {
  passed: 0,
  failed: 0,
  skipped: 0,
  skippedTests: [],
  failedTests: [],
} as const satisfies Partial<AreaResult>

/** The three numbers that the last line of a run gives. */
export type Counts = Pick<AreaResult, 'passed' | 'failed' | 'skipped'>

/** Adds the numbers of all areas. */
export function sum(results: readonly Counts[]): Counts {
  return results.reduce<Counts>(
    (total, result) => ({
      passed: total.passed + result.passed,
      failed: total.failed + result.failed,
      skipped: total.skipped + result.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  )
}

/** The line that every run ends with. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** Reads {@link countsLine} from the last line of some output; undefined where it is not one. */
export function parseCountsLine(output: string): Counts | undefined {
  const lastLine = output.trimEnd().split('\n').at(-1) ?? ''
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lastLine.trim())
  if (match === null) return undefined
  const [passed = 0, failed = 0, skipped = 0] = match.slice(1).map(Number)
  return { passed, failed, skipped }
}
