import { expect, it } from 'vitest'
import { createRateLimit } from '../../../src/outbound/rate-limit.ts'

/** How many messages begin in each window of `perMs`, when all that may begin do. */
function windows(count: number, perMs: number, rounds: number): readonly number[] {
  const limit = createRateLimit({ count, perMs })
  const began: number[] = []
  for (let now = 0; now < rounds * perMs; now += 10) {
    while (limit.room(now) > 0) {
      limit.take(now)
      began.push(now)
    }
  }
  return Array.from(
    { length: rounds },
    (_, round) => began.filter((at) => Math.floor(at / perMs) === round).length,
  )
}

it.each([
  [10, 1_000],
  [1_000, 1_000],
  [7, 60_000],
  [3, 10_000],
  [250, 1_000],
])('%i messages in %i ms is what every window of it sees', (count, perMs) => {
  for (const seen of windows(count, perMs, 5)) expect(seen).toBe(count)
})

it('saves nothing up while nobody sends, but for a step', () => {
  const limit = createRateLimit({ count: 100, perMs: 1_000 })
  expect(limit.room(0)).toBe(10)
  expect(limit.room(60_000)).toBe(10)
})

it('says how long to wait, exactly', () => {
  const limit = createRateLimit({ count: 2, perMs: 1_000 })
  expect(limit.waitMs(0)).toBe(0)
  limit.take(0)
  expect(limit.room(200)).toBe(0)
  expect(limit.waitMs(200)).toBe(300)
  expect(limit.room(500)).toBe(1)
})
