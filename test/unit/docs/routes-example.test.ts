import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { adapters, mappingCheck } from '../../../src/app/adapters.ts'
import { loadConfiguration } from '../../../src/config/load.ts'

const PAGE = path.resolve(import.meta.dirname, '../../../docs/routes.md')

test('the first example in docs/routes.md is a sound configuration', async () => {
  const page = await readFile(PAGE, 'utf8')
  const [, example = ''] = /```jsonc\n([^]*?)```/.exec(page) ?? []
  const { configuration } = await loadConfiguration({
    path: PAGE,
    cwd: path.dirname(PAGE),
    adapters,
    mappingCheck,
    env: {},
    readFile: () => Promise.resolve(example),
  })
  const { subscriptions, publications, warnings } = configuration
  expect(subscriptions.map(({ name }) => name)).toEqual(['temps'])
  expect(publications.map(({ protocol, name }) => `${protocol}:${name}`).sort()).toEqual([
    'http:audit',
    'mqtt:alarms',
  ])
  expect(warnings).toEqual([])
})
