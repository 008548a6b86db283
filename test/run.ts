// The one test command: `npm test`. It runs the static checks, then the areas from the quickest to
// the slowest, each to its end whatever failed before it, and ends with one line of counts.
import { countsLine, sum, type AreaResult } from './runner/area-result.ts'
import { interruptChildren, wasInterrupted } from './runner/child.ts'
import { readCommandLine, USAGE, type TestOptions } from './runner/command-line.ts'
import { runSabotageArea } from './runner/sabotage-area.ts'
import { runStaticChecks } from './runner/static-checks.ts'
import { summarize } from './runner/summary.ts'
import { runVitestArea, vitestAreaNames } from './runner/vitest-area.ts'

const INTERRUPTED_EXIT_CODE = 130

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: TestOptions
  try {
    options = readCommandLine(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return 1
  }
  if (options.long) process.env['CROSSDOCK_TEST_LONG'] = '1'
  process.on('SIGINT', interruptChildren)
  process.on('SIGTERM', interruptChildren)

  const startedAt = performance.now()
  const results = await runAreas(options)
  console.log(summarize(results, performance.now() - startedAt))
  return conclude(results)
}

async function runAreas(options: TestOptions): Promise<AreaResult[]> {
  const results = await runStaticChecks(options.areas)
  for (const area of vitestAreaNames) {
    if (!options.areas.includes(area) || wasInterrupted()) continue
    console.log(`\n${area}`)
    results.push(await runVitestArea(area, options))
  }
  if (options.areas.includes('sabotage') && !wasInterrupted()) {
    console.log('\nsabotage')
    results.push(await runSabotageArea(options))
  }
  return results
}

/** Prints the last line, and gives the exit code: a run that ran nothing has proved nothing. */
function conclude(results: readonly AreaResult[]): number {
  const counts = sum(results)
  if (wasInterrupted()) console.log('interrupted: what had not begun was not run')
  else if (counts.passed + counts.failed === 0) console.log('nothing was run')
  console.log(countsLine(counts))
  if (wasInterrupted()) return INTERRUPTED_EXIT_CODE
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0
}
