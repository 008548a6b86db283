import { expect, it } from 'vitest'
import { OutboundLine } from '../../../adapters/activemq/outbound-line.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { fakeLine, frame } from './fake-line.ts'

function setUp() {
  const line = fakeLine()
  const clock = manualClock()
  const outbound = new OutboundLine(line, clock)
  const outcomes = new Map<string, Publishing>()
  const send = (destination: string, isAlone = false, signal = new AbortController().signal) => {
    void outbound
      .publish(
        { ok: true, headers: { destination }, body: '' },
        { timeoutMs: 1_000, signal, isAlone },
      )
      .then((publishing) => outcomes.set(destination, publishing))
  }
  return { line, clock, outbound, outcomes, send }
}

it('settles each message by its own receipt', async () => {
  const { line, clock, outcomes, send } = setUp()
  send('a')
  send('b')
  expect(line.done).toEqual(['send a r1', 'send b r2'])
  line.receipts.get('r2')?.()
  line.onError?.(frame({ 'receipt-id': 'r1', message: 'no permission' }))
  await clock.advance(0)
  expect(Object.fromEntries(outcomes)).toEqual({
    a: { outcome: 'refused', error: 'the broker says: no permission', permanent: false },
    b: { outcome: 'published' },
  })
  expect(line.open).toBe(true)
})

it('takes nobody for the one at fault while several are under way', async () => {
  const { line, clock, outcomes, send } = setUp()
  send('a')
  send('b')
  line.onError?.(frame({ message: 'The maximum data length was exceeded' }))
  await clock.advance(0)
  expect([...outcomes.values()].map(({ outcome }) => outcome)).toEqual([
    'unconfirmed',
    'unconfirmed',
  ])
  expect(line.done.at(-1)).toContain('cut: the broker says: The maximum data length was exceeded')
})

it('sends one that was in doubt alone, and what waits behind it not into a connection that ends', async () => {
  const { line, clock, outcomes, send } = setUp()
  send('a')
  send('b', true)
  send('c')
  expect(line.done).toEqual(['send a r1'])
  line.receipts.get('r1')?.()
  expect(line.done).toEqual(['send a r1', 'send b r2'])
  line.onError?.(frame({ message: 'The maximum data length was exceeded' }))
  await clock.advance(0)
  expect(Object.fromEntries(outcomes)).toMatchObject({
    a: { outcome: 'published' },
    b: { outcome: 'refused', permanent: true },
    c: { outcome: 'unsent' },
  })
  expect(line.done.filter((step) => step.startsWith('send'))).toHaveLength(2)
})

it('tells what was sent from what was not when nobody waits any more', async () => {
  const { clock, outcomes, send } = setUp()
  const patience = new AbortController()
  send('a', true, patience.signal)
  send('b', true, patience.signal)
  patience.abort()
  await clock.advance(0)
  expect(outcomes.get('a')?.outcome).toBe('unconfirmed')
  expect(outcomes.get('b')?.outcome).not.toBe('published')
})

it('gives up a message that is not confirmed in time, and takes no late receipt for another', async () => {
  const { line, clock, outcomes, send } = setUp()
  send('a')
  await clock.advance(1_001)
  expect(outcomes.get('a')).toEqual({
    outcome: 'unconfirmed',
    error: 'the broker did not confirm it within 1000 ms',
  })
  send('b')
  line.receipts.get('r1')?.()
  line.onError?.(frame({ message: 'about the last one' }))
  await clock.advance(0)
  expect(outcomes.get('b')?.outcome).toBe('refused')
})

it('breaks a connection that leaves hundreds unanswered', async () => {
  const { line, clock, send } = setUp()
  for (let n = 0; n < 500; n += 1) send(`m${n}`)
  await clock.advance(1_001)
  expect(line.open).toBe(false)
})

it('says what was sent and what was not when the line is gone', async () => {
  const { clock, outbound, outcomes, send } = setUp()
  send('a', true)
  send('b')
  outbound.cut('ECONNRESET')
  send('c')
  await clock.advance(0)
  expect([...outcomes].map(([name, { outcome }]) => `${name} ${outcome}`)).toEqual([
    'a unconfirmed',
    'b unsent',
    'c unsent',
  ])
})
