import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ERROR_CODES } from '../../../src/domain/errors.ts'

test('docs/errors.md explains every error code once, and no other', async () => {
  const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const explained = [...page.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(([, code]) => code)
  expect(explained.toSorted()).toEqual([...ERROR_CODES].sort())
})
