import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { Sabotage } from './sabotage.ts'

const report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

/** What became of the named test: `missing` when no test of that name ran. */
export type TestOutcome = 'passed' | 'failed' | 'missing'

/**
 * Runs the one test of a sabotage in the copy. A file that does not even load counts as missing.
 * @param servers variables that name servers, instead of which it would start its own
 */
export async function runNamedTest(
  root: string,
  sabotage: Sabotage,
  servers: Readonly<Record<string, string>>,
): Promise<TestOutcome> {
  const output = path.join(root, 'sabotage-report.json')
  await rm(output, { force: true })
  const environment = { ...process.env, ...servers }
  await vitest(root, environment, [
    'run',
    sabotage.testFile,
    '--testNamePattern',
    escape(sabotage.test),
    '--reporter=json',
    `--outputFile=${output}`,
  ])
  const text = await readFile(output, 'utf8').catch(() => undefined)
  if (text === undefined) return 'missing'
  const results = report
    .parse(JSON.parse(text))
    .testResults.flatMap((file) => file.assertionResults)
    .filter((test) => test.fullName.includes(sabotage.test))
  if (results.some((test) => test.status === 'failed')) return 'failed'
  return results.some((test) => test.status === 'passed') ? 'passed' : 'missing'
}

function vitest(root: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<void> {
  const program = path.join(root, 'node_modules/vitest/vitest.mjs')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root, env, stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', () => {
      resolve()
    })
  })
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
