import { expect, test } from 'vitest'
import { mqttAdapter } from '../../../adapters/mqtt/index.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'

async function problemOf(connection: object, broker: object = { enabled: true }): Promise<string> {
  const integrations = { mqtt: { embedded_broker: broker, connections: { one: connection } } }
  try {
    await loadConfiguration({
      path: import.meta.filename,
      cwd: import.meta.dirname,
      env: {},
      adapters: [mqttAdapter],
      mappingCheck,
      readFile: async () => JSON.stringify({ integrations }),
    })
    return ''
  } catch (error) {
    if (!isCrossdockError(error, 'config_invalid')) throw error
    return error.message
  }
}

const TOLD = /connections\.one.*which speaks 3\.1\.1 alone; set version to "3\.1\.1"/

test.each([
  ['by default', { url: 'mqtt://127.0.0.1:1883' }],
  ['when it says so', { url: 'mqtt://localhost', version: '5' }],
  ['at one of its addresses', { url: ['mqtt://far.example:1883', 'mqtt://[::1]:1883'] }],
])('a connection of version 5 to the embedded broker is refused, %s', async (_when, connection) => {
  expect(await problemOf(connection)).toMatch(TOLD)
})

test('one that listens on every address is known by each of this machine', async () => {
  const broker = { enabled: true, host: '0.0.0.0', port: 1999, allow_anonymous: true }
  expect(await problemOf({ url: 'mqtt://127.0.0.1:1999' }, broker)).toMatch(TOLD)
  expect(await problemOf({ url: 'mqtt://127.0.0.1:1883' }, broker)).toBe('')
})

test.each([
  ['speaks 3.1.1', { url: 'mqtt://127.0.0.1:1883', version: '3.1.1' }, { enabled: true }],
  ['leads elsewhere', { url: 'mqtt://broker.example:1883' }, { enabled: true }],
  ['leads to another port', { url: 'mqtt://127.0.0.1:1884' }, { enabled: true }],
  ['leads to a broker that is not ours', { url: 'mqtt://127.0.0.1:1883' }, { enabled: false }],
])('a connection that %s is taken', async (_how, connection, broker) => {
  expect(await problemOf(connection, broker)).toBe('')
})
