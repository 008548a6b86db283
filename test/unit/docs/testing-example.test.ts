import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')

test('the example in docs/handlers.md is the test that runs', async () => {
  const page = await readFile(path.join(root, 'docs/handlers.md'), 'utf8')
  const example = await readFile(
    path.join(root, 'test/integration/testing/example.test.ts'),
    'utf8',
  )
  const section = page.split('\n## Testing a handler\n')[1] ?? ''
  const [, code] = /```ts\n([^]*?)```/.exec(section) ?? []
  expect(code).toBe(example.replace('../../../examples/handlers/', './'))
})
