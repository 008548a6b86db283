import { describe, expect, it } from 'vitest'
import { load, problemsOf, type Surroundings } from './load-from.ts'

function withKeys(keys: object): string {
  const subscription = { name: 'a', handler: 'h', path: '/in', ...keys }
  return JSON.stringify({ integrations: { http: { subscriptions: [subscription] } } })
}

async function subscription(keys: object, surroundings?: Surroundings) {
  const { configuration } = await load(withKeys(keys), surroundings)
  return { ...configuration.subscriptions[0], warnings: configuration.warnings }
}

describe('the expressions of a subscription', () => {
  it('are taken as they stand, and literals have their references replaced', async () => {
    const map = {
      payload: 'payload.lines.${sku: q}',
      tenant_id: { value: '${TENANT:acme}' },
      metadata: { value: { shop: '${SHOP}' } },
    }
    const found = await subscription(
      { filter: 'payload.a', map, on_invalid: 'drop' },
      { env: { SHOP: 'paris' } },
    )
    expect(found).toMatchObject({
      filter: 'payload.a',
      map: {
        payload: { expression: 'payload.lines.${sku: q}' },
        tenant_id: { value: 'acme' },
        metadata: { value: { shop: 'paris' } },
      },
      onInvalid: 'drop',
      warnings: [],
    })
  })

  it('are refused with the place of the mistake', async () => {
    const problems = await problemsOf(
      withKeys({ filter: 'payload.a >', map: { key: '$eval("1")' } }),
    )
    expect(problems).toEqual([
      expect.stringContaining('subscriptions[0].filter: is no JSONata expression: '),
      expect.stringMatching(
        /map\.key: is no JSONata expression: \$eval is not available.*character 5/,
      ),
    ])
  })

  it.each(['${TENANT}', '${TENANT:acme}', '${file:tenant.txt}'])(
    'are refused when they are a reference, with the literal to write: %s',
    async (text) => {
      expect(await problemsOf(withKeys({ map: { tenant_id: text } }))).toEqual([
        expect.stringContaining(`for a literal write { "value": ${JSON.stringify(text)} }`),
      ])
    },
  )

  it('warn of a word that is surely meant as a literal', async () => {
    const { warnings } = await subscription({ map: { tenant_id: 'acme', key: '"acme"' } })
    expect(warnings).toEqual([
      expect.stringMatching(
        /map\.tenant_id': "acme" is nothing .* literal, \{ "value": "acme" \}\.$/,
      ),
    ])
  })

  it('are refused in a filter that would drop every message', async () => {
    expect(await problemsOf(withKeys({ filter: 'total > 10' }))).toEqual([
      expect.stringContaining('write payload.total'),
    ])
    expect(await problemsOf(withKeys({ filter: 'header.a = 1' }))).toEqual([
      expect.stringContaining('did you mean headers?'),
    ])
  })

  it.each([
    [{ map: { tenant_id: 5 } }, 'map.tenant_id: must be a JSONata expression, or a literal'],
    [{ map: { tenant_id: { valu: 1 } } }, "map.tenant_id.value'?"],
    [{ map: { tenant_id: {} } }, 'map.tenant_id'],
    [{ map: { tenant: '"a"' } }, 'map.tenant: unknown key'],
    [{ map: { ordering_key: 7 } }, 'map.ordering_key: must be a JSONata expression, or a literal'],
    [{ filter: '' }, 'filter: must be a JSONata expression'],
    [{ on_invalid: 'retry' }, 'on_invalid: must be one of "dead", "drop"'],
  ])('%j is refused', async (keys, problem) => {
    expect((await problemsOf(withKeys(keys))).join('\n')).toContain(problem)
  })
})

describe('the schema of a subscription', () => {
  it('is read once, at start', async () => {
    const text = '{"type":"object"}'
    const found = await subscription({ schema: 'a.json' }, { files: { 'a.json': text } })
    expect(found.schema?.text).toBe(text)
    expect(found.schema?.file).toMatch(/\/a\.json$/)
  })

  it.each([
    ['{"type":', 'is not valid JSON'],
    ['[]', 'a schema is an object, true or false'],
    ['{"type":"objekt"}', 'type'],
    ['{"propertys":{}}', 'unknown keyword'],
    ['{"$ref":"https://example.com/a.json"}', "can't resolve reference"],
    [
      '{"$schema":"http://json-schema.org/draft-04/schema#"}',
      'draft 2020-12 and draft-07 are known',
    ],
    ['{"pattern":"("}', 'nvalid regular expression'],
  ])('%s is refused', async (text, problem) => {
    const problems = await problemsOf(withKeys({ schema: 'a.json' }), { files: { 'a.json': text } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('the JSON Schema a.json is wrong: ')
    expect(problems[0]).toContain(problem)
  })

  it('that is not there is refused', async () => {
    expect(await problemsOf(withKeys({ schema: 'b.json' }))).toEqual([
      expect.stringContaining('the file b.json cannot be read'),
    ])
  })
})
