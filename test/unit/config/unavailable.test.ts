import { expect, test } from 'vitest'
import { adapters } from '../../../src/app/adapters.ts'
import { childNodes, schemaNode } from '../../../src/config/schema-node.ts'
import { configurationSchema } from '../../../src/config/schema/root.ts'
import { UNAVAILABLE_KEYS } from '../../../src/config/unavailable.ts'
import { problemsOf } from './load-from.ts'

/** A key that this version has, so that only the last step of a pattern is missing. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'integrations.*': 'integrations.http',
  '.*': '.mail',
}

test.each(UNAVAILABLE_KEYS)('%s is refused as not available', async (pattern) => {
  const steps = concrete(pattern).split('.')
  const key = concrete(pattern).replace('[]', '[0]')
  const problems = await problemsOf(nested(steps))
  expect(problems.join('\n')).toContain(`${key}: '${key}' is not available in this version`)
})

test('no key is both available and not', () => {
  const root = schemaNode(configurationSchema(adapters))
  const known = UNAVAILABLE_KEYS.filter((pattern) => {
    const steps = concrete(pattern)
      .split('.')
      .flatMap((step): (string | number)[] =>
        step.endsWith('[]') ? [step.slice(0, -2), 0] : [step],
      )
    return steps.reduce(childNodes, [root]).length > 0
  })
  expect(known).toEqual([])
})

test.each(['keys', 'jwt'])(
  'the authentication mode %s is refused as not available',
  async (mode) => {
    const text = `{ "auth": { "mode": "${mode}" }, "http": { "host": "0.0.0.0" } }`
    expect(await problemsOf(text)).toEqual([
      expect.stringContaining('not available in this version'),
    ])
  },
)

test('references inside an unavailable key are left alone', async () => {
  const filter = '"verify": "${sku: q}"'
  const text = `{ "integrations": { "http": { "subscriptions": [
    { "name": "a", "handler": "h", "path": "/in", ${filter} } ] } } }`
  expect(await problemsOf(text)).toHaveLength(1)
})

function concrete(pattern: string): string {
  return Object.entries(EXAMPLES).reduce((text, [from, to]) => text.replace(from, to), pattern)
}

function nested(steps: readonly string[]): string {
  const [step = '', ...rest] = steps
  const inner = rest.length === 0 ? '{}' : nested(rest)
  return step.endsWith('[]') ? `{ "${step.slice(0, -2)}": [${inner}] }` : `{ "${step}": ${inner} }`
}
