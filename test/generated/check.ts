// Fails where a generated file is not what its source makes of it now. Writes nothing.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { generatedFiles, makeText } from './files.ts'
import { firstDifference } from './first-difference.ts'

const root = path.resolve(import.meta.dirname, '../..')
const files = await generatedFiles()

const problems: string[] = []
for (const file of files) {
  const problem = await check(file.path, () => makeText(file))
  if (problem !== undefined) problems.push(problem)
}

if (problems.length > 0) {
  console.error(problems.join('\n\n'))
  console.error('\nRun npm run generate, and commit what it writes.')
  process.exitCode = 1
} else {
  console.log(`${files.length} generated files are up to date`)
}

async function check(name: string, make: () => Promise<string>): Promise<string | undefined> {
  let expected: string
  try {
    expected = await make()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const actual = await readIfPresent(path.join(root, name))
  if (actual === undefined) return `${name} does not exist`
  if (actual === expected) return undefined
  return `${name} is out of date:\n${firstDifference(actual, expected)}`
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
