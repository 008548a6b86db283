import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { inputInvalid, parseInput } from '../../../src/handler-kit/validate-input.ts'

function parse(input: z.ZodType | undefined, payload: string | null) {
  return parseInput({ input }, { payload, contentType: null, payloadEncoding: null })
}

describe('parseInput', () => {
  it('hands over the decoded payload of a handler without a schema', async () => {
    expect(await parse(undefined, '{"a":1}')).toEqual({ ok: true, value: { a: 1 } })
    expect(await parse(undefined, null)).toEqual({ ok: true, value: undefined })
  })

  it('hands over what the schema makes of it, defaults and transforms included', async () => {
    const input = z.object({ n: z.coerce.number(), unit: z.string().default('C') })
    expect(await parse(input, '{"n":"7","other":1}')).toEqual({
      ok: true,
      value: { n: 7, unit: 'C' },
    })
  })

  it('waits for an asynchronous schema', async () => {
    const input = z.string().refine(async (text) => text === 'yes', 'must be yes')
    expect(await parse(input, '"yes"')).toEqual({ ok: true, value: 'yes' })
    expect(await parse(input, '"no"')).toEqual({
      ok: false,
      problems: [{ path: '', message: 'must be yes' }],
    })
  })

  it('names each place with a dotted path', async () => {
    const input = z.object({ lines: z.array(z.object({ sku: z.string() })), total: z.number() })
    const parsed = await parse(input, '{"lines":[{"sku":"a"},{}]}')
    expect(parsed).toMatchObject({
      ok: false,
      problems: [{ path: 'lines.1.sku' }, { path: 'total' }],
    })
  })

  it('lists twenty problems and counts the rest', async () => {
    const parsed = await parse(z.array(z.string()), JSON.stringify(Array(25).fill(1)))
    const problems = parsed.ok ? [] : parsed.problems
    expect(problems).toHaveLength(21)
    expect(problems.at(-1)).toEqual({ path: '', message: 'and 5 more' })
  })

  it('makes a problem of a payload that cannot be decoded, and of a schema that throws', async () => {
    expect(await parse(z.string(), '{')).toMatchObject({ ok: false })
    const throws = z.string().transform(() => {
      throw new TypeError('not a function')
    })
    expect(await parse(throws, '"x"')).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining('not a function') as unknown }],
    })
  })

  it('takes a validator that is not zod', async () => {
    const even = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          Number(value) % 2 === 0
            ? { value }
            : { issues: [{ message: 'odd', path: [{ key: 'n' }] }] },
      },
    } as unknown as z.ZodType
    expect(await parse(even, '2')).toEqual({ ok: true, value: 2 })
    expect(await parse(even, '1')).toEqual({ ok: false, problems: [{ path: 'n', message: 'odd' }] })
  })

  it('says in the error of a job which handler and what is wrong', () => {
    const error = inputInvalid('a.b', [
      { path: 'n', message: 'too small' },
      { path: '', message: 'odd' },
    ])
    expect(error.code).toBe('input_invalid')
    expect(error.retryable).toBe(false)
    expect(error.message).toBe('The payload is no valid input for handler "a.b". n: too small; odd')
  })
})
