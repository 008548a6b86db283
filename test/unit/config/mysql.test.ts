import { expect, test } from 'vitest'
import { load, problemsOf } from './load-from.ts'

test.each([
  '"url": "mysql://u:p@h:3306/app"',
  '"url": "mariadb://u:p@h/app"',
  '"url": "mysql://u:p@h/app", "type": "mariadb"',
  '"url": "mariadb://u:p@h/app", "type": "mysql"',
])('%s is MySQL, its tables in the database of the address', async (keys) => {
  const { configuration } = await load(`{ "database": { ${keys} } }`)
  expect(configuration.database).toMatchObject({ type: 'mysql', schema: 'app' })
  expect(configuration.warnings).toEqual([])
})

test('the tables can be in another database', async () => {
  const { configuration } = await load(
    '{ "database": { "url": "mysql://u:p@h/app", "schema": "public" } }',
  )
  expect(configuration.database.schema).toBe('public')
})

test.each([
  ['"type": "mariadb"', 'the type mariadb needs it: mysql://'],
  ['"type": "mysql", "url": "postgresql://u:p@h/d"', 'no address of a MySQL or MariaDB server'],
  ['"type": "postgresql", "url": "mysql://u:p@h/d"', 'is an address of MySQL'],
  ['"url": "mysql://u:p@h"', 'names no host or no database'],
  ['"url": "mysql://u:p@h/"', 'names no host or no database'],
  ['"url": "mysql://u:p@h/a/b"', 'names no host or no database'],
  ['"url": "mysql://u:p@h/d?ssl-mode=REQUIRED"', 'database.tls'],
  ['"url": "mysql://u:p@h/d", "direct_url": "mysql://u:p@h/d"', 'PgBouncer; remove it'],
  ['"url": "mysql://u:p@h/d", "type": "embedded"', 'contradicts'],
])('%s is refused', async (keys, sentence) => {
  const problems = await problemsOf(`{ "database": { ${keys} } }`)
  expect(problems.join('\n')).toContain(sentence)
  expect(problems.join('\n')).not.toContain('u:p@')
})

test('what has no effect on MySQL is warned of', async () => {
  const { configuration } = await load(
    '{ "database": { "url": "mysql://u:p@h/d", "notify": true, "data_dir": "x" } }',
  )
  expect(configuration.warnings).toEqual([
    expect.stringContaining("'database.data_dir' has no effect"),
    expect.stringContaining("'database.notify' has no effect"),
  ])
})
