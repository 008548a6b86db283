import type { IConnackPacket, MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { OutboundConnection } from '../../../adapters/mqtt/outbound-connection.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'

const TIMEOUT_MS = 1_000
const UNANSWERED = 'the broker left a message unanswered for 1000 ms'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A connection to a broker that takes two messages at a time, and confirms those that the test says. */
function setUp() {
  const sent = new Map<string, () => void>()
  const publish = (topic: string, _payload: Buffer, _options: object, done: () => void): void => {
    sent.set(topic, done)
  }
  const stalled: string[] = []
  const packet: IConnackPacket = {
    cmd: 'connack',
    sessionPresent: false,
    properties: { receiveMaximum: 2 },
  }
  const connection = new OutboundConnection(
    { publish } as unknown as MqttClient,
    packet,
    (reason) => stalled.push(reason),
  )
  const outcomes = new Map<string, Publishing>()
  function send(topic: string, signal = new AbortController().signal): void {
    void connection
      .publish(
        { ok: true, topic, payload: Buffer.from('x'), options: { qos: 1 } },
        { timeoutMs: TIMEOUT_MS, signal },
      )
      .then((publishing) => outcomes.set(topic, publishing))
  }
  return { connection, sent, stalled, outcomes, send }
}

it('is given up once the broker leaves a message unanswered, with all that is on it', async () => {
  const { sent, stalled, outcomes, send } = setUp()
  send('a')
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2)
  send('b')
  send('c')
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2)
  expect([...sent.keys()]).toEqual(['a', 'b'])
  expect(stalled).toEqual([UNANSWERED])
  send('d')
  await vi.advanceTimersByTimeAsync(0)
  expect(Object.fromEntries(outcomes)).toEqual({
    a: { outcome: 'unconfirmed', error: 'the broker did not confirm it within 1000 ms' },
    b: {
      outcome: 'unconfirmed',
      error: `the connection broke before the broker confirmed it: ${UNANSWERED}`,
    },
    c: { outcome: 'unsent', error: `the connection broke before it was sent: ${UNANSWERED}` },
    d: { outcome: 'unsent', error: `the connection was broken: ${UNANSWERED}` },
  })
  expect(vi.getTimerCount()).toBe(0)
})

it('is given up also for a message that nobody waits for any more', async () => {
  const { stalled, outcomes, send } = setUp()
  const abort = new AbortController()
  send('a', abort.signal)
  abort.abort()
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1)
  expect(outcomes.get('a')).toMatchObject({ outcome: 'unconfirmed' })
  expect(stalled).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(stalled).toEqual([UNANSWERED])
})

it('stays while the broker answers in time, however long a message has waited for others', async () => {
  const { sent, stalled, outcomes, send } = setUp()
  for (const topic of ['a', 'b', 'c', 'd', 'e']) send(topic)
  for (const topic of ['a', 'b', 'c']) {
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 0.3)
    sent.get(topic)?.()
  }
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 0.2)
  expect(outcomes.get('d')).toMatchObject({ outcome: 'unconfirmed' })
  expect(stalled).toEqual([])
  for (const topic of ['d', 'e']) sent.get(topic)?.()
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS)
  expect(stalled).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
