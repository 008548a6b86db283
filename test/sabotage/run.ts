import path from 'node:path'
import { copyRepository, type BrokenCopy } from './broken-copy.ts'
import { openNamedTests, type NamedTests, type TestOutcome } from './named-test.ts'
import type { Sabotage } from './sabotage.ts'
import { storeServers } from './store-servers.ts'
import { sabotages } from './sabotages.ts'

/**
 * Takes each listed line out of a copy of the repository and expects the test beside it to fail: a test
 * that cannot fail keeps nothing. Ends with `N passed, N failed, N skipped`, where a pass is a test that
 * failed as it should.
 */
const COPIES = 2
/** Tests that take any server, each with databases of its own. */
const STORE_TESTS = 'test/conformance/store/'

const root = path.resolve(import.meta.dirname, '../..')
process.env['CROSSDOCK_TEST_CACHE'] ??= path.join(root, '.cache/services')

const only = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const isShort = process.argv.includes('--short')
const wanted = sabotages.filter(
  ({ name }) => only.length === 0 || only.some((word) => name.includes(word)),
)
const waiting: Sabotage[] = wanted.filter(({ long }) => !isShort || long !== true)
const skipped = wanted.length - waiting.length
let passed = 0
let failed = 0

/** A copy with what runs its tests: on the servers that are there already, and on servers of their own. */
interface Place {
  readonly copy: BrokenCopy
  readonly served: NamedTests
  readonly own: NamedTests
}

async function attempt(place: Place, sabotage: Sabotage): Promise<void> {
  const { copy } = place
  const from = performance.now()
  let problem: string | undefined
  try {
    await copy.breakLine(sabotage)
    const outcome = await runTest(place, sabotage)
    if (outcome === 'passed') problem = `passes without the line: ${sabotage.test}`
    if (outcome === 'missing') problem = `did not run: ${sabotage.test} (${sabotage.testFile})`
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  } finally {
    await copy.mend(sabotage)
  }
  const seconds = ((performance.now() - from) / 1000).toFixed(1)
  if (problem === undefined) passed += 1
  else failed += 1
  process.stdout.write(
    `${problem === undefined ? 'ok    ' : 'FAILED'} ${sabotage.name} (${seconds} s)` +
      `${problem === undefined ? '' : `\n       ${problem}`}\n`,
  )
}

/** On the servers that are there already, unless the test needs one of its own. */
async function runTest({ copy, served, own }: Place, sabotage: Sabotage): Promise<TestOutcome> {
  if (!sabotage.testFile.startsWith(STORE_TESTS)) return await own.run(sabotage, copy.changed())
  const outcome = await served.run(sabotage, copy.changed())
  return outcome === 'missing' ? await own.run(sabotage, copy.changed()) : outcome
}

async function work(): Promise<void> {
  const copy = await copyRepository(root)
  const served = openNamedTests(copy.root, servers.environment)
  const own = openNamedTests(copy.root, {})
  try {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await attempt({ copy, served, own }, next)
    }
  } finally {
    await Promise.all([served.end(), own.end()])
    await copy.remove()
  }
}

const servers = await storeServers()
await Promise.all(Array.from({ length: COPIES }, work))
await servers.stop()
if (skipped > 0) process.stdout.write(`left to the long form: ${skipped}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
