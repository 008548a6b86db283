// The one test command: `npm test`. It runs the static checks and the areas of tests, those that wait beside
// those that compute, each to its end whatever failed before it, and ends with one line of counts.
import path from 'node:path'
import { countsLine, sum, type AreaResult } from './runner/area-result.ts'
import { runAreas } from './runner/areas.ts'
import { interruptChildren, root, wasInterrupted } from './runner/child.ts'
import { readCommandLine, USAGE, type TestOptions } from './runner/command-line.ts'
import { summarize } from './runner/summary.ts'

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
  // The tests start hundreds of processes: each compiles for half of its first second without this.
  process.env['NODE_COMPILE_CACHE'] ??= path.join(root, '.cache/compile')
  process.on('SIGINT', interruptChildren)
  process.on('SIGTERM', interruptChildren)

  const startedAt = performance.now()
  const results = await runAreas(options.areas, options)
  console.log(summarize(results, performance.now() - startedAt))
  return conclude(results)
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
