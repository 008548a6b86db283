import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'jsonc-parser'
import { expect, test } from 'vitest'
import { adapters, mappingCheck } from '../../../src/app/adapters.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { configurationTable } from '../../../src/config/reference-table.ts'

const FILE = path.resolve(import.meta.dirname, '../../../config/configuration.example.json')

const PEM = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'

/** Every key of the documentation, in its order; the forms of a literal are one key's, not keys. */
const KEYS = [...configurationTable(adapters).matchAll(/^\| `([^`]+)`/gm)]
  .map(([, key]) => key ?? '')
  .filter((key) => !key.endsWith('.value'))

/** Below these, names are free. */
const NAMED = /^jobs\.queues$|^integrations\.\w+\.(?:connections|publications)$/

/** Every key of a value, in the order in which it is written, named as the documentation names them. */
function keysOf(value: unknown, prefix = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${prefix}[]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, below]) => {
    const key = prefix === '' ? name : `${prefix}.${NAMED.test(prefix) ? 'NAME' : name}`
    return [key, ...keysOf(below, key)]
  })
}

test('the example has every key, in the order of the documentation', async () => {
  expect(KEYS.length).toBeGreaterThan(80)
  const text = await readFile(FILE, 'utf8')
  // What does not go together with the rest stands behind //.
  const whole: unknown = parse(text.replaceAll(/^( *)\/\/ (?="\w+":)/gm, '$1'))
  const written = new Set(keysOf(whole))
  expect([...written].filter((key) => KEYS.includes(key))).toEqual(KEYS)
})

test('the example is a sound configuration as it stands', async () => {
  const { configuration } = await loadConfiguration({
    path: FILE,
    cwd: path.dirname(FILE),
    adapters,
    mappingCheck,
    env: {
      SHOP_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      SHIPPING_CLIENT_SECRET: 'hush',
      ACTIVEMQ_PASSWORD: 'hush',
      HUB_CLIENT_SECRET: 'hush',
      KAFKA_CLIENT_SECRET: 'hush',
      MQTT_PASSWORD: 'hush',
    },
    readFile: async (file) => {
      if (file.endsWith('.pem')) return PEM
      return file === FILE ? await readFile(file, 'utf8') : '{ "type": "object" }'
    },
  })
  expect(configuration.subscriptions).toHaveLength(5)
  expect(configuration.publications).toHaveLength(5)
  expect(configuration.schedules).toHaveLength(1)
  expect(configuration).toMatchObject({ database: { type: 'postgresql' }, warnings: [] })
})
