import { describe, expect, it } from 'vitest'
import { CrossdockError, PermanentError, type ErrorCode } from '../../../src/domain/errors.ts'
import { cancel, snooze } from '../../../src/domain/outcome.ts'
import { DEFAULT_RETRY_POLICY } from '../../../src/domain/retry.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import type { Handler } from '../../../src/ports/handler.ts'
import { endingOfError, endingOfReturn, maxRetriesOf } from '../../../src/worker/ending.ts'

function fail(
  error: unknown,
  {
    retryCount = 0,
    maxRetries = null,
    handler = {},
    chance = 0.5,
  }: {
    retryCount?: number
    maxRetries?: number | null
    handler?: Partial<Handler>
    chance?: number
  } = {},
) {
  return endingOfError({
    error,
    job: { retryCount, maxRetries },
    handler: defineHandler({ name: 'h', run: () => 1, ...handler }),
    settings: { maxRetries: 3, retry: DEFAULT_RETRY_POLICY },
    random: () => chance,
  })
}

describe('what a handler returns', () => {
  it('is the result as JSON, an outcome, or nothing', () => {
    expect(endingOfReturn({ a: [1] })).toEqual({ kind: 'completed', result: '{"a":[1]}' })
    expect(endingOfReturn(undefined)).toEqual({ kind: 'completed', result: null })
    expect(endingOfReturn(null)).toEqual({ kind: 'completed', result: 'null' })
    expect(endingOfReturn(snooze(5))).toEqual({ kind: 'snoozed', delayMs: 5 })
    expect(endingOfReturn(cancel('a\0'))).toEqual({ kind: 'cancelled', reason: 'a�' })
  })

  it('may be 16 MiB of JSON, and no more', () => {
    const text = 'x'.repeat(16 * 1024 * 1024 - 2)
    expect(endingOfReturn(text)).toMatchObject({ kind: 'completed' })
    expect(() => endingOfReturn(`${text}x`)).toThrow(/characters of JSON/)
  })
})

describe('a failed attempt', () => {
  it.each([
    [0, 30_000],
    [1, 60_000],
    [4, 480_000],
    [5, 600_000],
    [40, 600_000],
    [2_000, 600_000],
  ])('number %i is followed by another after the default delay', (retryCount, delayMs) => {
    expect(fail(new Error('x'), { retryCount, maxRetries: 5_000 })).toMatchObject({
      kind: 'retry',
      delayMs,
    })
  })

  it('is followed by another with 10 % more or less', () => {
    expect(fail(new Error('x'), { chance: 0 })).toMatchObject({ delayMs: 27_000 })
    expect(fail(new Error('x'), { chance: 1 })).toMatchObject({ delayMs: 33_000 })
  })

  it('lowers the priority the first time alone', () => {
    expect(fail(new Error('x'))).toMatchObject({ lowerPriority: true })
    expect(fail(new Error('x'), { retryCount: 1 })).toMatchObject({ lowerPriority: false })
  })

  it('is the last when there have been as many as the row, the handler or the default say', () => {
    const last = { kind: 'failed', deadReason: 'retries_exhausted', error: 'x' }
    const error = new Error('x')
    expect(fail(error, { retryCount: 2 })).toMatchObject({ kind: 'retry' })
    expect(fail(error, { retryCount: 3 })).toEqual(last)
    expect(fail(error, { retryCount: 1, handler: { maxRetries: 1 } })).toEqual(last)
    expect(fail(error, { retryCount: 3, handler: { maxRetries: 9 } })).toMatchObject({
      kind: 'retry',
    })
    expect(fail(error, { maxRetries: 0, handler: { maxRetries: 9 } })).toEqual(last)
    const job = { retryCount: 0, maxRetries: null }
    expect(
      maxRetriesOf({
        job,
        handler: undefined,
        settings: { maxRetries: 3, retry: DEFAULT_RETRY_POLICY },
      }),
    ).toBe(3)
  })

  it.each<[unknown, number]>([
    [1_234, 1_234],
    [0, 0],
    [() => 77, 77],
    [() => -5, 0],
    [() => 1e15, 366 * 24 * 3_600_000],
    [() => Number.NaN, 30_000],
    [() => Infinity, 30_000],
    [() => '50', 30_000],
    [() => Promise.resolve(50), 30_000],
    [
      () => {
        throw new Error('also broken')
      },
      30_000,
    ],
  ])('waits as retryDelay says, or as by default: %s', (retryDelay, delayMs) => {
    expect(fail(new Error('x'), { handler: { retryDelay } as Partial<Handler> })).toMatchObject({
      kind: 'retry',
      delayMs,
    })
  })

  it.each<ErrorCode>([
    'permanent',
    'input_invalid',
    'result_not_serializable',
    'transaction_forbidden',
  ])('with %s is never followed by another', (code) => {
    expect(fail(new CrossdockError(code, 'x'))).toEqual({
      kind: 'failed',
      error: 'x',
      deadReason: code,
    })
  })

  it.each<ErrorCode>(['handler_timeout', 'database_unavailable', 'lease_lost', 'database_data'])(
    'with %s is followed by another',
    (code) => {
      expect(fail(new CrossdockError(code, 'x'))).toMatchObject({ kind: 'retry', error: 'x' })
    },
  )

  it('knows a PermanentError by its shape, and not an error that only has its code', () => {
    expect(fail(new PermanentError('x'))).toMatchObject({ deadReason: 'permanent' })
    expect(
      fail(Object.assign(new Error('x'), { code: 'permanent', retryable: false })),
    ).toMatchObject({
      deadReason: 'permanent',
    })
    expect(fail(Object.assign(new Error('x'), { code: 'permanent' }))).toMatchObject({
      kind: 'retry',
    })
    expect(fail({ code: 'permanent', retryable: false })).toMatchObject({ kind: 'retry' })
  })

  it('names a lost transaction', () => {
    expect(fail(new CrossdockError('transaction_lost', 'gone'))).toMatchObject({
      error: 'transaction_lost: gone',
    })
  })

  it('has a text that every column takes', () => {
    expect(fail(new Error(''))).toMatchObject({ error: 'Error' })
    expect(fail(new Error(`a\0\ud800${'x'.repeat(20_000)}`))).toMatchObject({
      error: `a��${'x'.repeat(9_997)}…`,
    })
  })
})
