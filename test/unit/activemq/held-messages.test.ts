import { expect, it } from 'vitest'
import { HeldMessages } from '../../../adapters/activemq/held-messages.ts'
import { inboundMessage } from '../../../adapters/activemq/inbound-message.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { type FakeLine, fakeLine, frame } from './fake-line.ts'

function setUp(limits = { messages: 100, bytes: 100_000 }) {
  const clock = manualClock()
  const held = new HeldMessages(limits, clock)
  const take = (line: FakeLine, id: string, body = 'body', more = {}) => {
    const given = frame(
      { destination: '/queue/q', 'message-id': id, timestamp: '1', ...more },
      body,
    )
    return held.take(given, inboundMessage(given, 's'), line)
  }
  return { clock, held, take }
}

it('acknowledges on the line on which a message came, and on no other', () => {
  const { held, take } = setUp()
  const line = fakeLine('one')
  const one = take(line, 'a')
  const two = take(line, 'b')
  if (one === undefined || two === undefined) throw new Error('not taken')
  held.settled(one)
  line.open = false
  held.settled(two)
  expect(line.done).toEqual(['one ack a'])
  expect(held.count).toBe(0)
})

it('knows what was stored while its line was gone, and what was acknowledged just before', () => {
  const { clock, held, take } = setUp()
  const line = fakeLine('one')
  const acknowledged = take(line, '7,1')
  const late = take(line, '7,2')
  if (acknowledged === undefined || late === undefined) throw new Error('not taken')
  held.settled(acknowledged)
  line.open = false
  held.disconnected()
  held.settled(late)
  const next = fakeLine('two')
  // Of another consumer, to Artemis: the message's own number is the second.
  expect(take(next, '8,1')).toBeUndefined()
  expect(take(next, '8,2')).toBeUndefined()
  expect(next.done).toEqual(['two ack 8,1', 'two ack 8,2'])
  // With another body, or another time, it is another message.
  expect(take(next, '8,1', 'other')).toBeDefined()
  expect(take(next, '8,2', 'body', { timestamp: '2' })).toBeDefined()
  clock.standStill(61_000)
  expect(take(next, '8,1')).toBeDefined()
})

it('takes a message that comes again without a cut as one of its own', () => {
  const { held, take } = setUp()
  const line = fakeLine()
  const one = take(line, 'a')
  if (one === undefined) throw new Error('not taken')
  held.settled(one)
  expect(take(line, 'a')).toBeDefined()
})

it('reads no more above its limits, and goes on below them', () => {
  const { held, take } = setUp({ messages: 2, bytes: 100_000 })
  const line = fakeLine('one')
  const one = take(line, 'a')
  take(line, 'b')
  expect(line.done).toEqual(['one pause'])
  if (one === undefined) throw new Error('not taken')
  held.settled(one)
  expect(line.done).toEqual(['one pause', 'one ack a', 'one resume'])
  expect(take(line, 'c', 'x'.repeat(200_000))).toBeDefined()
  expect(line.done.at(-1)).toBe('one pause')
})

it('holds nothing of a line that was let go', () => {
  const { held, take } = setUp({ messages: 2, bytes: 100_000 })
  const line = fakeLine('one')
  take(line, 'a')
  take(line, 'b')
  held.dropped(line)
  expect(held.count).toBe(0)
  const next = fakeLine('two')
  take(next, 'a')
  expect(next.done).toEqual([])
})
