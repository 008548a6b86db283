import { expect, test } from 'vitest'
import { httpAdapter } from '../../../adapters/http/index.ts'
import { loadConfiguration, type LoadedConfiguration } from '../../../src/config/load.ts'
import { printConfiguration } from '../../../src/config/print.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'

const SECRET = '0123456789abcdef-and-more'
const ENV = { HOOK_SECRET: SECRET, EMPTY: '', SHORT: 'abc-short-xyz' }

async function load(verify: unknown): Promise<LoadedConfiguration> {
  const subscription = { name: 'hook', handler: 'h', path: '/in', verify }
  return await loadConfiguration({
    path: import.meta.filename,
    cwd: import.meta.dirname,
    env: ENV,
    adapters: [httpAdapter],
    mappingCheck,
    readFile: async (file) =>
      file.endsWith('key.txt')
        ? `${SECRET}-of-a-file\n`
        : JSON.stringify({ integrations: { http: { subscriptions: [subscription] } } }),
  })
}

async function problemOf(verify: unknown): Promise<string> {
  try {
    await load(verify)
    return ''
  } catch (error) {
    if (!isCrossdockError(error, 'config_invalid')) throw error
    return error.message
  }
}

test.each([
  { type: 'standard-webhooks', secrets: [SECRET], tolerance: '5m' },
  { type: 'standard-webhooks', secrets: [`whsec_${btoa(SECRET)}`, SECRET], tolerance: 30 },
  { type: 'github', secrets: { forge: SECRET } },
  { type: 'api_key', secrets: { paris: [SECRET, `${SECRET}2`], london: `${SECRET}3` } },
])('%o is taken', async (verify) => {
  const { configuration } = await load(verify)
  expect(configuration.subscriptions[0]?.options['verify']).toEqual(verify)
  // Adapters are given their options parsed once more.
  expect(httpAdapter.subscriptionOptions.parse(configuration.subscriptions[0]?.options)).toEqual(
    configuration.subscriptions[0]?.options,
  )
})

test.each([
  [undefined, 'the sender gives none of the headers idempotency-key, webhook-id'],
  [
    { type: 'github', secrets: [SECRET] },
    'the sender gives none of the headers idempotency-key, webhook-id, x-github-delivery',
  ],
  [{ type: 'standard-webhooks', secrets: [SECRET] }, undefined],
])('with %o a message is at-least-once when %s', async (verify, words) => {
  const { configuration } = await load(verify)
  expect(configuration.subscriptions[0]?.atLeastOnceWhen).toBe(words)
})

test('secrets come from variables and files, and are shown nowhere', async () => {
  const loaded = await load({
    type: 'api_key',
    secrets: { a: '${HOOK_SECRET}', b: ['${file:key.txt}', 'a-literal-secret-1234'] },
  })
  expect(loaded.configuration.subscriptions[0]?.options['verify']).toMatchObject({
    secrets: { a: SECRET, b: [`${SECRET}-of-a-file`, 'a-literal-secret-1234'] },
  })
  const printed = printConfiguration(loaded, [httpAdapter])
  expect(printed).not.toMatch(/0123456789abcdef|a-literal-secret/)
  expect(printed).toContain('"a": "***"')
})

test.each([
  [{ type: 'github', secrets: ['${EMPTY}'] }, 'verify.secrets[0]: is empty'],
  [{ type: 'github', secrets: [''] }, 'verify.secrets[0]: is empty'],
  [{ type: 'github', secrets: ['${SHORT}'] }, 'is shorter than 16 characters'],
  [{ type: 'github', secrets: { a: 'xyz-short-abc' } }, 'verify.secrets.a: is shorter than 16'],
  [
    { type: 'github', secrets: { a: ['xyz-short-abc'] } },
    'verify.secrets.a[0]: is shorter than 16',
  ],
  [{ type: 'github', secrets: [] }, 'verify.secrets: must have at least one secret'],
  [{ type: 'github', secrets: {} }, 'verify.secrets: must have at least one secret'],
  [{ type: 'github', secrets: { a: [] } }, 'verify.secrets.a: must have at least one secret'],
  [{ type: 'github', secrets: [SECRET, SECRET] }, 'verify.secrets[1]: is the same secret'],
  [{ type: 'github', secrets: { a: SECRET, b: SECRET } }, 'verify.secrets.b: is the same secret'],
  [{ type: 'github', secrets: { 'a/b': SECRET } }, 'a name of at most 100 letters'],
  [{ type: 'github', secrets: SECRET }, 'verify.secrets: must be'],
  [{ type: 'github', secrets: `${SECRET}\${SHORT:xyz-short-abc}` }, 'verify.secrets: must be'],
  [{ type: 'github', secrets: [1234567890123456] }, 'verify.secrets[0]: must be'],
  [{ type: 'github' }, 'verify.secrets: is missing'],
  [{ secrets: [SECRET] }, 'verify.type: is missing'],
  [{ type: 'hmac', secrets: [SECRET] }, 'verify.type: must be one of'],
  [{ type: 'github', secret: SECRET }, 'secrets'],
  [{ type: 'github', secrets: [SECRET], tolerance: '5m' }, 'tolerance is for standard-webhooks'],
  [{ type: 'standard-webhooks', secrets: [SECRET], tolerance: 0 }, 'at least 1s and at most 1d'],
  [{ type: 'standard-webhooks', secrets: [SECRET], tolerance: '2d' }, 'at least 1s and at most 1d'],
  [{ type: 'standard-webhooks', secrets: [SECRET], tolerance: 'soon' }, 'must be a duration'],
  [{ type: 'standard-webhooks', secrets: ['whsec_not base64 at all!'] }, 'is not base64'],
  [{ type: 'standard-webhooks', secrets: ['whsec_AAAAAAAAAAAA'] }, 'fewer than 16 bytes'],
  [{ type: 'standard-webhooks', secrets: [`whpk_${SECRET}`] }, 'is an asymmetric key'],
  [{ type: 'api_key', secrets: ['a key with spaces'] }, 'no header can carry'],
])('%j is refused', async (verify, sentence) => {
  const problem = await problemOf(verify)
  expect(problem).toContain(sentence)
  // Whatever is wrong with it, it is a secret.
  expect(problem).not.toMatch(/0123456789abcdef|1234567890123456|abc-short|xyz-short|a key with/)
})
