import { expect, test } from 'vitest'
import { maskUrls } from '../../../src/config/mask.ts'
import { printConfiguration } from '../../../src/config/print.ts'
import { httpAdapter, load, type Surroundings } from './load-from.ts'

test('secrets are masked: passwords of addresses, files, variables and keys with the names of secrets', async () => {
  const printed = await print(
    `{ "instance": { "name": "\${TEAM_TOKEN}" },
       "database": { "url": "postgresql://app:hunter2@host/db?sslpassword=hunter2",
                     "direct_url": "postgresql://app:\${file:pw}@direct/db",
                     "tls": { "key": "-----BEGIN hunter2" } } }`,
    { env: { TEAM_TOKEN: 'hunter2' }, files: { pw: 'hunter2' } },
  )
  expect(printed).not.toContain('hunter2')
  expect(JSON.parse(printed)).toMatchObject({
    instance: { name: '***' },
    database: {
      url: 'postgresql://app:***@host/db?sslpassword=***',
      direct_url: 'postgresql://app:***@direct/db',
      tls: { key: '***', reject_unauthorized: true },
    },
  })
})

test('an address from a variable is masked like one in the file', async () => {
  const printed = await print('{ "database": { "url": "${DATABASE_URL}" } }', {
    env: { DATABASE_URL: 'postgresql://app:hunter2@host/db' },
  })
  expect(JSON.parse(printed)).toMatchObject({
    database: { url: 'postgresql://app:***@host/db', type: 'postgresql' },
  })
})

test.each([
  ['postgresql://a:b@c@host/db', 'postgresql://a:***@host/db'],
  ['postgresql://a@host:5432/db', 'postgresql://a@host:5432/db'],
  ['postgresql://:pw@host', 'postgresql://:***@host'],
  ['no address', 'no address'],
])('%s is shown as %s', (text, shown) => {
  expect(maskUrls(text)).toBe(shown)
})

test('what is printed is a sound configuration with every default in it', async () => {
  const text = `{ "jobs": { "workers": "\${W:2}" }, "integrations": { "http": { "subscriptions": [
    { "name": "a", "handler": "h", "path": "/in" } ] } } }`
  const printed = await print(text)
  expect(JSON.parse(printed)).toMatchObject({
    jobs: { workers: 2, poll_interval: '5s', retry: { initial: '30s' } },
    database: { type: 'embedded', pool_size: 4 },
    integrations: {
      http: { subscriptions: [{ name: 'a', method: 'POST', content_type: 'json' }] },
    },
  })
  const again = await load(printed)
  expect({ ...again.configuration, instance: undefined }).toEqual({
    ...(await load(text)).configuration,
    instance: undefined,
  })
})

async function print(text: string, surroundings?: Surroundings): Promise<string> {
  return printConfiguration(await load(text, surroundings), [httpAdapter])
}
