import { expect, test } from 'vitest'
import type { Application } from '../../../src/cli/application.ts'
import { testMapping } from '../../../src/app/test-mapping.ts'
import { runWords } from './test-terminal.ts'

const configuration = JSON.stringify({
  integrations: {
    http: {
      subscriptions: [
        {
          name: 'orders',
          path: '/in/orders',
          handler: 'orders.place',
          filter: 'payload.version',
          map: { tenant_id: 'headers."x-tenant"', priority: 'payload.version' },
        },
      ],
    },
  },
})

/** The command on this repository's own package.json, and whatever else is named. */
async function preview(...words: readonly string[]) {
  const application: Partial<Application> = { testMapping }
  const file = new URL('../../../package.json', import.meta.url).pathname
  return await runWords(['test-mapping', '-m', file, ...words], { configuration, application })
}

test('test-mapping shows why a message is invalid, and ends with 1', async () => {
  const { exitCode, stdout } = await preview('-s', 'orders')
  expect(exitCode).toBe(1)
  expect(stdout).toContain('mapping_failed')
  expect(stdout).toContain('map.priority: ')
})

test('test-mapping names the subscription that was meant', async () => {
  const { exitCode, stderr } = await preview('-s', 'order')
  expect(exitCode).toBe(2)
  expect(stderr).toContain("There is no subscription 'order'; did you mean orders?")
})

test.each(['{"a":1}', '{', '[]'])('test-mapping refuses the headers %s', async (headers) => {
  const { exitCode, stderr } = await preview('-s', 'orders', '--headers', headers)
  expect(exitCode).toBe(2)
  expect(stderr).toContain(headers === '[]' ? 'cannot be read' : '--headers')
})

test('test-mapping shows the row of each message', async () => {
  const application: Partial<Application> = {
    testMapping: async (_configuration, { bodies }) =>
      bodies.map(() => ({ outcome: 'stored', row: { tenantid: 'acme', priority: 3 }, routed: [] })),
  }
  const file = new URL('../../../package.json', import.meta.url).pathname
  const words = ['test-mapping', '-s', 'orders', '-m', file, file]
  const { exitCode, stdout } = await runWords(words, { configuration, application })
  expect(exitCode).toBe(0)
  expect(stdout.match(/tenantid +acme/g)).toHaveLength(2)
})
