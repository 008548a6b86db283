import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { HeldMessage } from '../../../adapters/mqtt/held-messages.ts'
import { createOffering } from '../../../adapters/mqtt/offering.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'

const RETRY_AFTER_MS = 1_000

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function held(place: number, topic = `t/${place}`): HeldMessage {
  const message: InboundMessage = {
    protocol: 'mqtt',
    subscription: 's',
    method: topic,
    identity: `m-${place}`,
    body: Buffer.from('x'),
    headers: {},
  }
  const common = { topic, qos: 1, line: undefined, isStored: false } as const
  return { ...common, message, packetId: place, bytes: 1, place, refusals: 0 }
}

it('asks a closed flow again by one timer, however much arrives meanwhile', async () => {
  let isClosed = true
  let asked = 0
  const settled: HeldMessage[] = []
  const offering = createOffering({
    sink: {
      deliver: async (messages) => messages.map(() => ({ outcome: 'stored', jobId: 'job' })),
    },
    flow: {
      closed: () => {
        asked += 1
        return isClosed ? { reason: 'paused', retryAfterMs: RETRY_AFTER_MS } : undefined
      },
      onChange: () => () => undefined,
    },
    before: async () => undefined,
    isDurable: true,
    settled: (messages) => {
      settled.push(...messages)
    },
    log: recordingLog(),
  })
  for (let place = 0; place < 20; place += 1) {
    offering.add(held(place))
    await vi.advanceTimersByTimeAsync(1)
  }
  expect(vi.getTimerCount()).toBe(1)
  asked = 0
  await vi.advanceTimersByTimeAsync(10 * RETRY_AFTER_MS)
  expect(asked).toBeGreaterThan(5)
  expect(asked).toBeLessThanOrEqual(10)
  expect(vi.getTimerCount()).toBe(1)
  isClosed = false
  await vi.advanceTimersByTimeAsync(2 * RETRY_AFTER_MS)
  expect(settled).toHaveLength(20)
  await offering.finish()
  expect(vi.getTimerCount()).toBe(0)
})

it.each([
  ['refused once', 1],
  ['refused for good', Number.POSITIVE_INFINITY],
])('offers a message and those behind it at the end: %s', async (_name, refusals) => {
  let offered = 0
  const stored: (string | undefined)[] = []
  const offering = createOffering({
    sink: {
      deliver: async (messages) =>
        messages.map(({ identity }) => {
          if (identity === 'm-0') offered += 1
          if (identity === 'm-0' && offered <= refusals) {
            return { outcome: 'refused', error: new CrossdockError('database_error', 'not now') }
          }
          stored.push(identity)
          return { outcome: 'stored', jobId: 'job' }
        }),
    },
    flow: OPEN_FLOW,
    before: async () => undefined,
    isDurable: false,
    settled: () => undefined,
    log: recordingLog(),
  })
  offering.add(held(0, 't'))
  await vi.advanceTimersByTimeAsync(1)
  expect(offered).toBe(1)
  for (const place of [1, 2]) offering.add(held(place, 't'))
  await offering.finish()
  expect(offered).toBe(2)
  expect(stored).toEqual(refusals === 1 ? ['m-0', 'm-1', 'm-2'] : ['m-1', 'm-2'])
  await vi.advanceTimersByTimeAsync(0)
  expect(vi.getTimerCount()).toBe(0)
})
