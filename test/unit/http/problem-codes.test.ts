import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { HTTP_PROBLEMS } from '../../../src/ports/http-problem.ts'

test('docs/http-api.md explains every problem code, with its status, and no other', async () => {
  const page = await readFile(new URL('../../../docs/http-api.md', import.meta.url), 'utf8')
  const explained = [...page.matchAll(/^\| `([a-z0-9_]+)` +\| +(\d{3}) +\|/gm)].map(
    ([, code, status]) => [code, Number(status)],
  )
  expect(Object.fromEntries(explained)).toEqual(HTTP_PROBLEMS)
})
