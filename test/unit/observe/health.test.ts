import { describe, expect, test } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { createHealth, type HealthCheck } from '../../../src/observe/health.ts'
import type { Clock } from '../../../src/ports/clock.ts'

/** A clock that tests move. */
function manualClock() {
  let now = 0
  const due = new Set<{ readonly at: number; readonly run: () => void }>()
  const clock: Clock = {
    monotonicMs: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run }
      due.add(timer)
      return { cancel: () => void due.delete(timer) }
    },
  }
  const advance = (ms: number): void => {
    now += ms
    for (const timer of [...due]) {
      if (timer.at > now) continue
      due.delete(timer)
      timer.run()
    }
  }
  return { clock, advance, pending: () => due.size }
}

const ok: HealthCheck = () => ({ status: 'ok' })
const degraded: HealthCheck = () => ({ status: 'degraded' })
const down: HealthCheck = () => ({ status: 'down' })

describe('overall', () => {
  test.each([
    [{ database: ok, mqtt: ok }, 'ok'],
    [{ database: ok, mqtt: down }, 'degraded'],
    [{ database: degraded }, 'degraded'],
    [{ database: down, mqtt: ok }, 'down'],
    [{}, 'ok'],
  ])('%#', async (checks: Record<string, HealthCheck>, status) => {
    const { clock, pending } = manualClock()
    expect((await createHealth({ checks, clock })()).status).toBe(status)
    expect(pending()).toBe(0)
  })
})

test('what a check throws is its being down, without its message', async () => {
  const { clock } = manualClock()
  const checks: Record<string, HealthCheck> = {
    a: () => {
      throw new Error('user x at 10.0.0.1')
    },
    b: async () => Promise.reject(new CrossdockError('database_unavailable', 'at 10.0.0.1')),
  }
  const report = await createHealth({ checks, clock })()
  expect(report.components).toEqual({
    a: { status: 'down', detail: 'the check of this component failed' },
    b: { status: 'down', detail: 'database_unavailable' },
  })
})

test('a check that throws at once is asked again in the next round', async () => {
  const { clock, advance } = manualClock()
  let asked = 0
  const health = createHealth({
    clock,
    checks: {
      a: () => {
        if (asked++ === 0) throw new Error('once')
        return { status: 'ok' }
      },
    },
  })
  expect((await health()).status).toBe('degraded')
  advance(1_000)
  expect((await health()).status).toBe('ok')
})

test('pollers share a report for a second', async () => {
  const { clock, advance } = manualClock()
  let asked = 0
  const checks: Record<string, HealthCheck> = { database: () => (asked++, { status: 'ok' }) }
  const health = createHealth({ checks, clock })
  await Promise.all([health(), health(), health()])
  advance(999)
  await health()
  expect(asked).toBe(1)
  advance(1)
  await health()
  expect(asked).toBe(2)
})

test('a check that hangs is down after two seconds and is not started twice', async () => {
  const { clock, advance } = manualClock()
  let asked = 0
  const answer = Promise.withResolvers<{ status: 'ok' }>()
  const checks: Record<string, HealthCheck> = { database: () => (asked++, answer.promise), x: ok }
  const health = createHealth({ checks, clock })
  const first = health()
  // Until the checks that answer at once have answered.
  await new Promise(setImmediate)
  advance(2_000)
  expect(await first).toMatchObject({
    status: 'down',
    components: { database: { detail: 'no answer within 2000 ms' }, x: { status: 'ok' } },
  })
  const second = health()
  answer.resolve({ status: 'ok' })
  expect((await second).status).toBe('ok')
  expect(asked).toBe(1)
})
