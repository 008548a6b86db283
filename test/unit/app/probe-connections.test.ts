import { expect, test } from 'vitest'
import { runProbe } from '../../../src/app/probe-connections.ts'
import type { Probe } from '../../../src/ports/probe.ts'

function probe(run: Probe['run']): Probe {
  return { name: 'broker', advice: 'Start it.', run }
}

test('a probe that finds something says what', async () => {
  const found = probe(async () => ({ facts: 'Broker 1', notes: ['old'] }))
  expect(await runProbe(found, 1_000)).toEqual({
    name: 'broker',
    ok: true,
    facts: 'Broker 1',
    notes: ['old'],
  })
})

test('a probe that fails says why, and what to do', async () => {
  const refused = probe(() => Promise.reject(new Error('wrong password')))
  expect(await runProbe(refused, 1_000)).toEqual({
    name: 'broker',
    ok: false,
    reason: 'wrong password',
    advice: 'Start it.',
  })
})

test('a probe that never answers is waited for no longer than its limit, and told to let go', async () => {
  let isToldToEnd = false
  const silent = probe((signal) => {
    signal.addEventListener('abort', () => {
      isToldToEnd = true
    })
    return new Promise<never>(() => undefined)
  })
  expect(await runProbe(silent, 20)).toMatchObject({ ok: false, reason: 'no answer within 0.02 s' })
  expect(isToldToEnd).toBe(true)
})
