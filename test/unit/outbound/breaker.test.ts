import { describe, expect, it } from 'vitest'
import { createBreaker } from '../../../src/outbound/breaker.ts'

const HOUR_MS = 3_600_000

describe('a breaker', () => {
  const three = { failures: 3, openMs: 10_000 }

  it('opens after failures one after another, and not over an answer between them', () => {
    const breaker = createBreaker(three)
    breaker.failed(0)
    breaker.failed(1)
    breaker.answered()
    breaker.failed(2)
    breaker.failed(3)
    expect(breaker.state(3)).toBe('closed')
    expect(breaker.room(3)).toBe(Infinity)
    breaker.failed(4)
    expect(breaker.state(4)).toBe('open')
    expect(breaker.room(4)).toBe(0)
    expect(breaker.openForMs(4)).toBe(10_000)
  })

  it('lets one message try after its time, whose success closes it', () => {
    const breaker = createBreaker({ ...three, failures: 1 })
    breaker.failed(0)
    expect(breaker.room(9_999)).toBe(0)
    expect(breaker.room(10_000)).toBe(1)
    const leave = breaker.enter(10_000)
    expect(breaker.room(10_000)).toBe(0)
    breaker.answered()
    leave()
    expect(breaker.state(10_001)).toBe('closed')
    expect(breaker.room(10_001)).toBe(Infinity)
  })

  it('opens again when the one that tried failed', () => {
    const breaker = createBreaker({ ...three, failures: 1 })
    breaker.failed(0)
    const leave = breaker.enter(10_000)
    breaker.failed(10_500)
    leave()
    expect(breaker.room(20_499)).toBe(0)
    expect(breaker.room(20_500)).toBe(1)
  })

  it('lets the next one try when the one before ended without an outcome', () => {
    const breaker = createBreaker({ ...three, failures: 1 })
    breaker.failed(0)
    breaker.enter(10_000)()
    expect(breaker.room(10_001)).toBe(1)
  })

  it('stays open for the longest time that the far side asked for, an hour at most', () => {
    const breaker = createBreaker(three)
    breaker.failed(0, 60_000)
    breaker.failed(1, 20_000)
    breaker.failed(2)
    expect(breaker.openForMs(2)).toBe(59_998)
    // One that was on its way asks for more.
    breaker.failed(3, 24 * HOUR_MS)
    expect(breaker.openForMs(3)).toBe(HOUR_MS)
    breaker.failed(4)
    expect(breaker.openForMs(4)).toBe(HOUR_MS - 1)
  })

  it('opens at once for want of a connection, until that is there', () => {
    const breaker = createBreaker(three)
    breaker.unsent(0)
    expect(breaker.state(0)).toBe('open')
    breaker.reconnected()
    expect(breaker.state(1)).toBe('closed')
    for (const now of [2, 3, 4]) breaker.failed(now)
    breaker.reconnected()
    expect(breaker.state(5)).toBe('open')
  })
})
