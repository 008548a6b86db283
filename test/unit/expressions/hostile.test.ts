import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExpression } from '../../../src/expressions/syntax.ts'
import type { Mappings } from '../../../src/ports/expressions.ts'
import { HOSTILE_BODIES, HOSTILE_EXPRESSIONS, HOSTILE_SAMPLE, PAYLOAD } from './corpus.ts'
import { input, openRules, payloadRules } from './set-up.ts'

/**
 * The limit, and what ends a process that does not look at the clock, twice for one that dies; with room
 * for the starts of processes on a machine that is busy with other tests.
 */
const LONGEST_MS = 4_000

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const EXPRESSIONS = LONG ? HOSTILE_EXPRESSIONS : HOSTILE_SAMPLE

/** Some are stopped when an instance starts already. */
const REFUSED = EXPRESSIONS.filter((source) => !parseExpression(source).ok)
const STARTED = EXPRESSIONS.filter((source) => parseExpression(source).ok)

let mappings: Mappings
const delay = monitorEventLoopDelay({ resolution: 10 })
/** How long the main thread stood still at most, for each expression. */
const blocked: number[] = []

beforeAll(async () => {
  const rules = STARTED.map((source, index) => [String(index), payloadRules(source)])
  mappings = openRules({
    ...(Object.fromEntries(rules) as Readonly<Record<string, ReturnType<typeof payloadRules>>>),
    innocent: payloadRules('payload.n + 1'),
    plain: payloadRules('payload.n'),
    walk: payloadRules('$string(payload.n)'),
    schema: {
      schema: JSON.stringify({
        type: 'object',
        properties: { n: { type: ['number', 'string'], pattern: '^(a+)+$' } },
      }),
    },
  })
  await mappings.evaluate('innocent', [input(PAYLOAD)])
  delay.enable()
})

afterAll(async () => {
  await mappings.stop()
})

/** Runs something, and says how long the main thread stood still meanwhile and how long it took. */
async function measured<Value>(run: () => Promise<Value>) {
  delay.reset()
  const begun = performance.now()
  const value = await run()
  return { value, tookMs: performance.now() - begun, blockedMs: delay.max / 1e6 }
}

describe('a hostile expression', () => {
  it('there are more than a hundred of', () => {
    expect(HOSTILE_EXPRESSIONS.length).toBeGreaterThan(100)
  })

  it.each(REFUSED)('%s is refused before anything starts', (source) => {
    const parsed = parseExpression(source)
    expect(parsed.ok ? '' : parsed.problem).toMatch(/\S/)
  })

  it.each(STARTED.map((source, index) => [source.slice(0, 80), index] as const))(
    '%s has a clear answer in time',
    async (_source, index) => {
      const { value, tookMs, blockedMs } = await measured(() =>
        mappings.evaluate(String(index), [input(PAYLOAD)]),
      )
      blocked.push(blockedMs)
      const [result] = value
      expect(result).toBeDefined()
      if (result?.outcome === 'invalid') {
        expect(result.reason).toBe('mapping_failed')
        expect(result.problems[0]?.message).toMatch(/\S/)
        expect(result.problems[0]?.message.length).toBeLessThan(400)
      }
      expect(tookMs).toBeLessThan(LONGEST_MS)
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
      expect(await mappings.evaluate('innocent', [input({ n: 1 })])).toEqual([
        { outcome: 'mapped', values: { payload: '2' } },
      ])
    },
    15_000,
  )

  it('does not hold up the main thread', () => {
    expect(blocked).toHaveLength(STARTED.length)
    // Not the very last ones: a machine that is busy with other tests holds up everybody now and then.
    const sorted = blocked.toSorted((a, b) => a - b)
    expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThan(100)
  })
})

describe('a hostile body', () => {
  it.each(
    Object.entries(HOSTILE_BODIES).flatMap(([name, text]) =>
      ['plain', 'walk', 'schema'].map((rules) => [name, rules, text] as const),
    ),
  )(
    '%s, to %s rules, has a clear answer in time',
    async (_name, rules, text) => {
      const { value, tookMs } = await measured(() =>
        mappings.evaluate(rules, [input(1, { payload: { kind: 'json', text } })]),
      )
      expect(['mapped', 'invalid']).toContain(value[0]?.outcome)
      expect(tookMs).toBeLessThan(LONGEST_MS)
      expect(JSON.stringify(value).length).toBeLessThan(2_000)
    },
    15_000,
  )

  it('that an endless pattern of a schema meets has an answer in time', async () => {
    const [result] = await mappings.evaluate('schema', [input({ n: PAYLOAD.a })])
    expect(result).toMatchObject({ outcome: 'invalid' })
  }, 15_000)

  it('that would pass for a function is refused', async () => {
    for (const name of ['a lambda of JSONata', 'a lambda, spelled with escapes']) {
      const text = HOSTILE_BODIES[name] ?? ''
      const [result] = await mappings.evaluate('walk', [
        input(1, { payload: { kind: 'json', text } }),
      ])
      expect(result).toMatchObject({ outcome: 'invalid', reason: 'invalid' })
    }
  })
})
