// The process that runs named tests in a broken copy: started by named-test.ts in the folder of the copy, and
// imported by nobody.
import path from 'node:path'
import { createVitest, type TestCase, type TestModule } from 'vitest/node'
import type { NamedTest, TestOutcome } from './named-test.ts'

// An empty reporter, since none would be the default one.
const vitest = await createVitest('test', { watch: false, reporters: [{}] })

process.on('message', (asked: NamedTest) => {
  void runNamed(asked).then((outcome) => process.send?.(outcome))
})
process.on('disconnect', () => {
  void vitest.close().finally(() => process.exit(0))
})

async function runNamed({ testFile, test, changed }: NamedTest): Promise<TestOutcome> {
  // All of them: what was mended since is as stale here as what is broken now.
  for (const file of changed) vitest.invalidateFile(path.resolve(file))
  vitest.setGlobalTestNamePattern(new RegExp(escape(test)))
  const file = path.resolve(testFile)
  const specifications = await vitest.globTestSpecifications([file])
  const { testModules } = await vitest.runTestSpecifications(
    specifications.filter(({ moduleId }) => moduleId === file),
  )
  const states = testModules
    .filter(({ moduleId }) => moduleId === file)
    .flatMap((module) => [...module.children.allTests()])
    .filter((each) => fullName(each).includes(test))
    .map((each) => each.result().state)
  if (states.includes('failed')) return 'failed'
  return states.includes('passed') ? 'passed' : 'missing'
}

/** The names of its suites and its own, as the pattern of names sees them. */
function fullName(test: TestCase): string {
  const names = [test.name]
  let { parent }: { parent: TestCase['parent'] | TestModule } = test
  while (parent.type === 'suite') {
    names.unshift(parent.name)
    parent = parent.parent
  }
  return names.join(' ')
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
