import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { snooze } from '../../../src/domain/outcome.ts'
import { defineBatchHandler } from '../../../src/handler-kit/define-batch-handler.ts'
import { defineHandler, isHandler } from '../../../src/handler-kit/define-handler.ts'
import type { HandlerContext } from '../../../src/ports/handler.ts'

const run = () => ({ ok: true })

/** Defines what the types would not allow, as a JavaScript author can. */
function defineUntyped(definition: unknown): unknown {
  const define: (definition: never) => unknown = defineHandler
  return define(definition as never)
}

function refusal(definition: unknown): CrossdockError {
  try {
    defineUntyped(definition)
  } catch (error) {
    if (error instanceof CrossdockError) return error
    throw error
  }
  return expect.unreachable('it was accepted')
}

describe('defineHandler', () => {
  it('returns a frozen handler with the options as given', () => {
    const input = z.object({ id: z.string() })
    const handler = defineHandler({ name: 'a.b', input, maxRetries: 0, queue: 'q', run })
    expect(handler).toMatchObject({ name: 'a.b', input, maxRetries: 0, queue: 'q' })
    expect(Object.isFrozen(handler)).toBe(true)
    expect(isHandler(handler)).toBe(true)
  })

  it('gives `run` the type of the schema, and `unknown` without one', () => {
    defineHandler({
      name: 'typed',
      input: z.object({ id: z.string(), at: z.iso.date().transform((text) => new Date(text)) }),
      async run({ input, job, signal }) {
        expectTypeOf(input).toEqualTypeOf<{ id: string; at: Date }>()
        expectTypeOf(job.attempt).toEqualTypeOf<number>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        return input.id === '' ? snooze(1) : undefined
      },
    })
    defineHandler({
      name: 'untyped',
      run({ input }) {
        expectTypeOf(input).toEqualTypeOf<unknown>()
      },
    })
    // @ts-expect-error publish is not in this version's context
    expectTypeOf<HandlerContext<unknown>['publish']>().toBeAny()
  })

  it('keeps `this` of the definition in `run`', async () => {
    class Counter {
      name = 'counter'
      run() {
        return { name: this.name }
      }
    }
    const handler = defineHandler(new Counter())
    expect(await handler.run({} as HandlerContext<unknown>)).toEqual({ name: 'counter' })
  })

  it('recognises a handler of another loaded copy, and nothing else', () => {
    expect(isHandler({ [Symbol.for('crossdock.handler')]: true })).toBe(true)
    for (const other of [{ name: 'x', run }, run, null, undefined, 'x', []]) {
      expect(isHandler(other)).toBe(false)
    }
  })

  it.each([
    [{ run }, '`name`'],
    [{ name: '', run }, '`name`'],
    [{ name: 'a ', run }, '`name`'],
    [{ name: 'a\u0000', run }, '`name`'],
    [{ name: 'a'.repeat(256), run }, '`name`'],
    [{ name: 'a' }, '`run`'],
    [{ name: 'a', run: 'no' }, '`run`'],
    [{ name: 'a', run, input: {} }, '`input`'],
    [{ name: 'a', run, maxRetries: -1 }, '`maxRetries`'],
    [{ name: 'a', run, maxRetries: 1.5 }, '`maxRetries`'],
    [{ name: 'a', run, retryDelay: -1 }, '`retryDelay`'],
    [{ name: 'a', run, retryDelay: '30s' }, '`retryDelay`'],
    [{ name: 'a', run, timeoutMs: 0 }, '`timeoutMs`'],
    [{ name: 'a', run, timeoutMs: Infinity }, '`timeoutMs`'],
    [{ name: 'a', run, timeoutMs: 2 ** 31 }, '`timeoutMs`'],
    [{ name: 'a', run, queue: 'q'.repeat(101) }, '`queue`'],
    [{ name: 'a', run, priority: -(2 ** 31) }, '`priority`'],
    [{ name: 'a', run, priority: null }, '`priority`'],
    [{ name: 'a', run, transaction: 'some' }, '`transaction`'],
    [{ name: 'a', run, maxRetry: 3 }, '`maxRetry`'],
  ])('refuses %j, naming %s', (definition, named) => {
    const error = refusal(definition)
    expect(error.code).toBe('handler_invalid')
    expect(error.message).toContain(named)
  })

  it.each([undefined, null, 'handler', 1])('refuses %j instead of a definition', (definition) => {
    expect(refusal(definition).code).toBe('handler_invalid')
  })

  it('names everything that is wrong at once', () => {
    expect(refusal({ name: 'a', maxRetries: -1, priority: 0.5 }).details['problems']).toHaveLength(
      3,
    )
  })

  it('accepts every limit', () => {
    defineHandler({ name: 'a'.repeat(255), maxRetries: 0, priority: -(2 ** 31 - 1), run })
    defineHandler({
      name: 'ä',
      maxRetries: 2 ** 31 - 1,
      timeoutMs: 2 ** 31 - 1,
      retryDelay: 0,
      run,
    })
  })

  it.each(['lock', 'concurrency', 'isolate'])(
    'says that `%s` is not available in this version',
    (option) => {
      const error = refusal({ name: 'a', run, [option]: 1 })
      expect(error.code).toBe('not_available')
      expect(error.message).toContain(`\`${option}\``)
    },
  )

  it.each([
    [{}, 'needs `cron` or `everySeconds`'],
    [{ cron: '@daily', everySeconds: 5 }, 'one of the two'],
    [{ everySeconds: 0.5 }, 'no whole number from 1'],
    [{ cron: '@daily', zone: 'UTC' }, '`zone`, which is no option'],
    [{ cron: 5 }, '`cron` that is no string'],
    [{ cron: '@daily', startAt: 'now' }, '`startAt` that is no Date'],
  ])('refuses the schedule %j', (schedule, reason) => {
    const wrong = { name: 'a', run: () => undefined, schedule } as Parameters<
      typeof defineHandler
    >[0]
    expect(() => defineHandler(wrong)).toThrow(reason)
  })

  it('says that batch handlers are not available in this version', () => {
    expect(() => defineBatchHandler({})).toThrow(expect.objectContaining({ code: 'not_available' }))
  })
})
