import { expect, test } from 'vitest'
import { durationMs, durationText } from '../../../src/domain/duration.ts'
import { load, problemsOf } from './load-from.ts'

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1.5s', 1_500],
  ['10 s', 10_000],
])('the text %s is %i milliseconds', (text, ms) => {
  expect(durationMs(text, 's')).toBe(ms)
})

test('a plain number counts in the unit of its key', () => {
  expect(durationMs(5, 's')).toBe(5_000)
  expect(durationMs(5, 'ms')).toBe(5)
})

test.each(['', '5', 's', '-5s', '5 weeks', '5S', '1e3s'])(
  'the text "%s" is no duration',
  (text) => {
    expect(durationMs(text, 's')).toBeUndefined()
  },
)

test('a duration is written with the largest unit that fits it', () => {
  expect([250, 1_000, 90_000, 300_000, 86_400_000, 0].map(durationText)).toEqual([
    '250ms',
    '1s',
    '90s',
    '5m',
    '1d',
    '0ms',
  ])
})

test('time-outs become whole seconds, rounded up, and all other durations milliseconds', async () => {
  const { configuration } = await load(
    '{ "jobs": { "timeout": "1500ms", "poll_interval": 0.5, "lease_seconds": "1m", "retry": { "initial": 1, "max": "1h" } } }',
  )
  expect(configuration.jobs).toMatchObject({
    timeoutSeconds: 2,
    pollIntervalMs: 500,
    leaseMs: 60_000,
    retry: { initialMs: 1_000, maxMs: 3_600_000 },
  })
})

test('a duration out of bounds is refused with the bounds', async () => {
  expect(await problemsOf('{ "jobs": { "poll_interval": 0 } }')).toEqual([
    expect.stringContaining('at least 10ms, but it is 0'),
  ])
})

test('a first wait beyond the longest wait is refused', async () => {
  expect(await problemsOf('{ "jobs": { "retry": { "initial": "1h" } } }')).toEqual([
    expect.stringContaining('is longer than jobs.retry.max'),
  ])
})

test.each([
  [1024, 1024],
  ['"2kb"', 2048],
  ['"1MB"', 1_048_576],
  ['"3 MiB"', 3_145_728],
])('a body limit of %s is %i bytes', async (text, bytes) => {
  const { configuration } = await load(`{ "http": { "body_limit": ${text} } }`)
  expect(configuration.http.bodyLimitBytes).toBe(bytes)
})
