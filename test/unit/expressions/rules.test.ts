import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { MappingInput, MappingRules, Mappings } from '../../../src/ports/expressions.ts'
import { input, openRules, payloadRules } from './set-up.ts'

let open: Mappings | undefined

afterEach(async () => {
  await open?.stop()
})

async function apply(rules: MappingRules, ...inputs: readonly MappingInput[]) {
  open = openRules({ in: rules })
  return await open.evaluate('in', inputs)
}

/** The same for many rules, whose process is one: each costs a third of a second of a processor. */
function inOneProcess(rules: readonly MappingRules[]): typeof apply {
  const nameOf = (each: MappingRules): string => JSON.stringify(each)
  let all: Mappings
  beforeAll(() => {
    all = openRules(Object.fromEntries(rules.map((each) => [nameOf(each), each])))
  })
  afterAll(async () => {
    await all.stop()
  })
  return async (each, ...inputs) => await all.evaluate(nameOf(each), inputs)
}

describe('a filter', () => {
  const cases = [
    ['payload.total > 10', { total: 11 }, 'mapped'],
    ['payload.total > 10', { total: 10 }, 'filtered'],
    ['payload.kind', { kind: 'order' }, 'mapped'],
    ['payload.kind', { kind: '' }, 'filtered'],
    ['payload.kind', {}, 'filtered'],
    ['payload.list', { list: [] }, 'filtered'],
    ['payload.list', { list: [0, null] }, 'filtered'],
    ['payload.list', { list: [0, 1] }, 'mapped'],
    ['payload.map', { map: {} }, 'filtered'],
    ['$exists(payload.a)', { a: null }, 'mapped'],
    ['headers."x-tenant" = "acme"', {}, 'mapped'],
    ['topic = "t/2"', {}, 'filtered'],
  ] as const
  const shared = inOneProcess(cases.map(([filter]) => ({ filter })))

  it.each(cases)('%s of %j: %s', async (filter, payload, outcome) => {
    expect(await shared({ filter }, input(payload))).toMatchObject([{ outcome }])
  })

  it('that forgets to call its function keeps and drops nothing', async () => {
    expect(await apply({ filter: '$exists' }, input({}))).toMatchObject([
      { outcome: 'invalid', problems: [{ path: 'filter', message: 'gave a function; call it' }] },
    ])
  })
})

describe('a map', () => {
  it('gives JSON texts, and leaves out what is nothing', async () => {
    const map = {
      payload: { expression: '{"id": payload.order.id, "sum": $sum(payload.lines.(price * n))}' },
      tenant_id: { expression: "headers.'X-Tenant'" },
      correlation_id: { expression: 'payload.trace' },
      priority: { value: 5 },
    }
    const payload = {
      order: { id: 7 },
      lines: [
        { price: 2, n: 3 },
        { price: 1, n: 1 },
      ],
    }
    expect(await apply({ map }, input(payload))).toEqual([
      {
        outcome: 'mapped',
        values: { payload: '{"id":7,"sum":7}', tenant_id: '"acme"', priority: '5' },
      },
    ])
  })

  const spellings = [
    'headers."x-tenant"',
    'headers."X-TENANT"',
    '$lookup(headers, "x-Tenant")',
    '$$.headers.`X-Tenant`',
  ]
  const shared = inOneProcess(spellings.map(payloadRules))

  it.each(spellings)('finds a header in any spelling of its name: %s', async (expression) => {
    expect(await shared(payloadRules(expression), input({}))).toMatchObject([
      { values: { payload: '"acme"' } },
    ])
  })

  it('has the time at which the message was received as now', async () => {
    expect(await apply(payloadRules('[$now(), $millis(), $now("[Y]")]'), input({}))).toMatchObject([
      { values: { payload: `["2030-01-01T00:00:00.000Z",${Date.UTC(2030, 0)},"2030"]` } },
    ])
  })

  it('tells every key that fails', async () => {
    const map = {
      payload: { expression: '$error("no order")' },
      key: { expression: '"a" + 1' },
      tenant_id: { expression: 'headers."X-Tenant"' },
    }
    const [result] = await apply({ map }, input({}))
    expect(result).toMatchObject({
      outcome: 'invalid',
      reason: 'mapping_failed',
      problems: [{ path: 'map.payload', message: 'no order' }, { path: 'map.key' }],
    })
  })

  it('of a number that JSON cannot hold fails, here and in the process', async () => {
    const large = input(1, { payload: { kind: 'json', text: '{"n":1e400}' } })
    for (const expression of ['payload.n', '[payload.n]']) {
      expect(await apply(payloadRules(expression), large)).toMatchObject([{ outcome: 'invalid' }])
      await open?.stop()
    }
  })

  it.each([
    ['text', 'Grüße', '"Grüße"'],
    ['base64', 'AAE=', '"AAE="'],
  ] as const)('sees a %s payload as a string', async (kind, text, json) => {
    const given = input(1, { payload: { kind, text } })
    expect(await apply(payloadRules('payload'), given)).toMatchObject([
      { values: { payload: json } },
    ])
  })

  it('changes nothing for the next message', async () => {
    const expression = '{"p": payload.x.y, "q": $spread(payload ~> |$|{"x": 1}|)}'
    const given = input({ x: { y: [1] } })
    const [first, second] = await apply(payloadRules(expression), given, given)
    expect(second).toEqual(first)
  })
})

describe('a schema', () => {
  const draft07 = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: { lines: { type: 'array', items: [{ type: 'number' }], minItems: 1 } },
    required: ['lines'],
  }
  const draft2020 = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { lines: { type: 'array', prefixItems: [{ type: 'number' }], items: false } },
    required: ['lines'],
    additionalProperties: false,
  }

  const shared = inOneProcess(
    [draft07, draft2020].map((schema) => ({ schema: JSON.stringify(schema) })),
  )

  it.each([
    [draft07, { lines: [1] }, undefined],
    [draft07, { lines: ['x'] }, 'lines.0'],
    [draft07, {}, ''],
    [draft2020, { lines: [1] }, undefined],
    [draft2020, { lines: [1, 2] }, 'lines'],
    [draft2020, { lines: [1], more: 1 }, ''],
  ])('%j judges %j', async (schema, payload, path) => {
    const [result] = await shared({ schema: JSON.stringify(schema) }, input(payload))
    if (path === undefined) expect(result).toEqual({ outcome: 'mapped', values: {} })
    else expect(result).toMatchObject({ reason: 'schema_invalid', problems: [{ path }] })
  })

  it('judges what was received, before the filter and the map', async () => {
    const rules = { schema: JSON.stringify(draft07), filter: 'false', ...payloadRules('1') }
    expect(await apply(rules, input({}))).toMatchObject([{ reason: 'schema_invalid' }])
  })
})
