import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { SLOW_FILES } from '../../runner/slow-first.ts'

test('the files that go first are there, each once', () => {
  const root = path.resolve(import.meta.dirname, '../../..')
  expect(SLOW_FILES.filter((file) => !existsSync(path.join(root, file)))).toEqual([])
  expect(new Set(SLOW_FILES).size).toBe(SLOW_FILES.length)
})
