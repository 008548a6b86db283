import { existsSync } from 'node:fs'
import path from 'node:path'
import { NOTHING_RUN, type AreaResult } from './area-result.ts'
import { root, runNode } from './child.ts'
import { seconds } from './summary.ts'

const TIMEOUT_MS = 600_000
/** They make much that soon is garbage: a twentieth of their time. */
const LARGE_NURSERY = '--max-semi-space-size=64'
const LATE = `did not end within ${seconds(TIMEOUT_MS)}`

interface StaticCheck {
  readonly name: string
  /** The program below the root, and its arguments. */
  readonly command: readonly string[]
}

const CHECKS: readonly StaticCheck[] = [
  { name: 'lint', command: ['node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'] },
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'unused', command: ['node_modules/knip/bin/knip.js', '--no-progress'] },
  {
    name: 'imports',
    command: [
      'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
      '--config=.dependency-cruiser.cjs',
      '--output-type=err-long',
      ...['src', 'adapters', 'handlers', 'examples', 'bin', 'test', 'bench'].filter((folder) =>
        existsSync(path.join(root, folder)),
      ),
    ],
  },
  { name: 'format', command: ['node_modules/prettier/bin/prettier.cjs', '--check', '.'] },
  { name: 'generated', command: ['test/generated/check.ts'] },
]

/** The names of the static checks, each an area of its own. */
export const staticCheckNames: readonly string[] = CHECKS.map(({ name }) => name)

/** Runs a check. What a failed one wrote is shown in full. */
export async function runStaticCheck(name: string): Promise<AreaResult> {
  const { command } = CHECKS.find((check) => check.name === name)!
  const ended = await runNode([LARGE_NURSERY, ...command], {
    output: 'capture',
    timeoutMs: TIMEOUT_MS,
  })
  const ok = ended.exitCode === 0
  console.log(`${ok ? '✓' : '✗'} ${name}  ${seconds(ended.durationMs)}`)
  if (!ok) {
    console.log(ended.output.trimEnd())
    if (ended.timedOut) console.log(LATE)
  }
  const result = { ...NOTHING_RUN, area: name, durationMs: ended.durationMs }
  if (ok) return { ...result, passed: 1 }
  return {
    ...result,
    failed: 1,
    failedTests: [{ name: command.join(' '), reason: ended.timedOut ? LATE : ended.output.trim() }],
  }
}
