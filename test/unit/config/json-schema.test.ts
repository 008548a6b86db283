import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { adapters } from '../../../src/app/adapters.ts'
import { configurationJsonSchema } from '../../../src/config/json-schema.ts'
import { valueAt } from '../../../src/config/loose-value.ts'
import { configurationTable } from '../../../src/config/reference-table.ts'
import { httpAdapter } from './load-from.ts'

const REFERENCE = { type: 'string', pattern: '\\$\\{' }

test('a value of any form may be a reference', () => {
  const schema = configurationJsonSchema([httpAdapter])
  expect(property(schema, 'http', 'port')).toEqual({
    description: expect.any(String) as unknown,
    default: 8080,
    anyOf: [{ type: 'integer', minimum: 0, maximum: 65_535 }, REFERENCE],
  })
  expect(property(schema, 'logging', 'level')).toMatchObject({ anyOf: [{}, REFERENCE] })
  expect(property(schema, 'database', 'tls')).toMatchObject({
    anyOf: [{ type: 'boolean' }, { type: 'object' }, REFERENCE],
  })
  expect(property(schema, 'database', 'url')).toMatchObject({ type: 'string' })
  expect(property(schema, 'jobs')).toMatchObject({ type: 'object', additionalProperties: false })
})

test('the keys of an adapter stand beside the common ones', () => {
  const list = property(
    configurationJsonSchema([httpAdapter]),
    'integrations',
    'http',
    'subscriptions',
  )
  const items = valueAt(list, ['anyOf', 0, 'items'])
  expect(valueAt(items, ['required'])).toEqual(['name', 'path'])
  expect(valueAt(items, ['properties', 'method'])).toMatchObject({ description: 'The method.' })
})

test('every key has a description', () => {
  const undescribed = configurationTable(adapters)
    .split('\n')
    .slice(2)
    .filter((row) => / \| +\|$/.test(row))
  expect(undescribed).toEqual([])
})

test('the schema holds no words of our own', () => {
  expect(JSON.stringify(configurationJsonSchema(adapters))).not.toMatch(/"(expects|term)":/)
})

test('docs/configuration.md has the table of the keys as they are', async () => {
  const file = path.resolve(import.meta.dirname, '../../../docs/configuration.md')
  expect(await readFile(file, 'utf8')).toContain(configurationTable(adapters))
})

function property(schema: object, ...keys: string[]): unknown {
  return valueAt(
    schema,
    keys.flatMap((key) => ['properties', key]),
  )
}
