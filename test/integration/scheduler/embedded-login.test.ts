import pg from 'pg'
import { expect, it } from 'vitest'
import { makeConditionLogin } from '../../../src/store/postgresql/condition-login.ts'
import { startOrSkip } from '../../services/require.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

it('the login of the embedded database reads the tables of people, later ones too, and no secrets', async ({
  skip,
}) => {
  const server = await startOrSkip('postgresql', () => SHARED_TARGETS[0].start())
  if (server === undefined) return skip()
  const database = await server.openDatabase()
  // One of an earlier version could read everything.
  const connection = { connectionString: database.url }
  const name = await makeConditionLogin(connection)
  await database.sql(`GRANT pg_read_all_data TO ${name}`)
  await makeConditionLogin(connection)
  await database.sql('CREATE SCHEMA later')
  await database.sql('CREATE TABLE later.orders AS SELECT 1 AS id')

  const owner = new pg.Client(connection)
  await owner.connect()
  const as = async (text: string): Promise<unknown> => {
    await owner.query(`SET SESSION AUTHORIZATION ${name}`)
    try {
      return (await owner.query(text)).rowCount
    } finally {
      await owner.query('RESET SESSION AUTHORIZATION')
    }
  }
  try {
    expect(await as('SELECT count(*) FROM queue_jobs')).toBe(1)
    expect(await as('SELECT id FROM later.orders')).toBe(1)
    for (const text of [
      'SELECT rolpassword FROM pg_authid',
      `SELECT pg_read_file('PG_VERSION')`,
      'DELETE FROM later.orders',
      `INSERT INTO jobs (id, name, handler) VALUES ('a', 'a', 'a')`,
    ]) {
      await expect(as(text), text).rejects.toThrow('permission denied')
    }
  } finally {
    await owner.end()
    await database.drop()
  }
})
