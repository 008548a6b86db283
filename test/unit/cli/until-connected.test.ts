import { expect, test } from 'vitest'
import { untilConnected } from '../../../src/cli/until-connected.ts'

const NEVER = new Promise<never>(() => undefined)

function instance(states: readonly string[]) {
  let asked = 0
  return {
    asked: () => asked,
    status: async () => {
      const status = states[Math.min(asked, states.length - 1)]
      asked += 1
      return {
        integrations: { connections: [{ health: { status: 'ok' } }, { health: { status } }] },
      }
    },
  }
}

test('waits until every connection is well, and no longer', async () => {
  const one = instance(['down', 'degraded', 'ok'])
  await untilConnected(one, NEVER, 60_000)
  expect(one.asked()).toBe(3)
})

test('waits for nothing where nothing connects', async () => {
  await untilConnected({ status: async () => ({}) }, NEVER, 60_000)
})

test('waits for a broker that is away only until its limit, or until somebody wants the end', async () => {
  const from = performance.now()
  await untilConnected(instance(['down']), NEVER, 100)
  await untilConnected(instance(['down']), Promise.resolve(), 60_000)
  expect(performance.now() - from).toBeLessThan(4_000)
})

test('waits no longer than that for a status that does not come', async () => {
  await untilConnected({ status: () => NEVER }, NEVER, 50)
})
