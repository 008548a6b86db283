import jsonata from 'jsonata'
import { describe, expect, it } from 'vitest'
import { evaluatePlain } from '../../../src/expressions/plain.ts'
import { parseExpression } from '../../../src/expressions/syntax.ts'

/** A small generator of its own, so that a failure can be run again by its seed. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const ROUNDS = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 20_000 : 5_000
const DEPTH = 5
const NAMES = ['a', 'b', '__proto__', 'length']

function anyValue(random: () => number, depth: number): unknown {
  // What is nested at the top: other payloads have no paths.
  const kind = depth === DEPTH ? 8 : Math.floor(random() * (depth > 0 ? 9 : 5))
  if (kind === 0) return null
  if (kind === 1) return random() < 0.5
  if (kind === 2) return Math.floor(random() * 10)
  if (kind === 3) return 'text'
  if (kind === 4) return random() < 0.5 ? [] : {}
  if (kind <= 6) {
    return Array.from({ length: Math.floor(random() * 4) }, () => anyValue(random, depth - 1))
  }
  const names = NAMES.filter(() => random() < 0.5)
  // Through JSON, as a payload comes: `__proto__` is a member there.
  const members = names.map(
    (name) => `${JSON.stringify(name)}:${JSON.stringify(anyValue(random, depth - 1))}`,
  )
  return JSON.parse(`{${members.join(',')}}`)
}

/** Nothing has no JSON. */
function jsonOf(value: unknown): string | undefined {
  return JSON.stringify(value)
}

function anyPath(random: () => number): string {
  const length = 1 + Math.floor(random() * 4)
  const names = Array.from({ length }, () => NAMES[Math.floor(random() * NAMES.length)] ?? 'a')
  return ['payload', ...names].map((name) => `\`${name}\``).join('.')
}

describe('a plain path', () => {
  it('means what JSONata means by it, arrays of arrays included', async () => {
    const random = chance(20_301)
    let found = 0
    for (let round = 0; round < ROUNDS; round++) {
      const path = anyPath(random)
      const given = { payload: anyValue(random, DEPTH) }
      const parsed = parseExpression(path)
      if (!parsed.ok || parsed.plain === undefined) throw new Error(`${path} is not plain`)
      const ours = jsonOf(evaluatePlain(parsed.plain, given))
      const theirs = JSON.stringify(await jsonata(path).evaluate(given))
      expect(ours, `${path} of ${JSON.stringify(given)}`).toBe(theirs)
      if (ours !== undefined) found += 1
    }
    // Most paths lead nowhere; enough of them lead somewhere.
    expect(found).toBeGreaterThan(ROUNDS / 20)
  }, 20_000)

  it.each([
    ['payload.order.id', { kind: 'path', names: ['payload', 'order', 'id'] }],
    ['headers."X-Tenant"', { kind: 'path', names: ['headers', 'X-Tenant'] }],
    ['topic', { kind: 'path', names: ['topic'] }],
    ['"acme"', { kind: 'literal', value: 'acme' }],
    ['-5', { kind: 'literal', value: -5 }],
    ['null', { kind: 'literal', value: null }],
    ['true', { kind: 'literal', value: true }],
  ])('%s needs no JSONata', (source, plain) => {
    expect(parseExpression(source)).toMatchObject({ ok: true, plain })
  })

  it.each([
    'payload.a[]',
    'payload.a[0]',
    'payload.a^(b)',
    'payload{a: b}',
    'payload.*',
    'payload.**',
    'payload.%.a',
    '$.payload',
    'payload@$p.a',
    'payload#$i.a',
    'payload.(a)',
    '[1]',
    '{"a": 1}',
  ])('%s is left to JSONata', (source) => {
    expect(parseExpression(source)).toMatchObject({ ok: true, plain: undefined })
  })
})
