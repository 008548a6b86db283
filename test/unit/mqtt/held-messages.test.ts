import type { IPublishPacket } from 'mqtt'
import { beforeEach, expect, it } from 'vitest'
import type { Acknowledgements } from '../../../adapters/mqtt/acknowledgements.ts'
import { HeldMessages, type HeldMessage } from '../../../adapters/mqtt/held-messages.ts'
import { inboundMessage } from '../../../adapters/mqtt/inbound-message.ts'

let sent: string[] = []

beforeEach(() => {
  sent = []
})

function line(name: string): Acknowledgements & { open: boolean } {
  return {
    open: true,
    isOpen() {
      return this.open
    },
    stored: (packetId, qos) => sent.push(`${name} ${packetId} ${qos}`),
    released: () => undefined,
  }
}

function packet(messageId: number, more: Partial<IPublishPacket> = {}): IPublishPacket {
  return {
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(10),
    qos: 1,
    dup: false,
    retain: false,
    messageId,
    ...more,
  }
}

const nothing = (): void => undefined

function taker(held: HeldMessages) {
  return (one: IPublishPacket, on: Acknowledgements, next = nothing): HeldMessage | undefined =>
    held.take(one, inboundMessage(one, 's'), on, next)
}

it('are acknowledged in the order of arrival, whatever the order of the commits', () => {
  const held = new HeldMessages({ messages: 10, bytes: 1_000_000 })
  const take = taker(held)
  const on = line('a')
  const [one, two, three] = [1, 2, 3].map((id) => take(packet(id), on) as HeldMessage)
  held.settled([two as HeldMessage])
  expect(sent).toEqual([])
  held.settled([one as HeldMessage])
  expect(sent).toEqual(['a 1 1', 'a 2 1'])
  held.settled([three as HeldMessage])
  expect(sent).toEqual(['a 1 1', 'a 2 1', 'a 3 1'])
  expect(held.count).toBe(0)
})

it('that were refused hold up no others', () => {
  const held = new HeldMessages({ messages: 10, bytes: 1_000_000 })
  const take = taker(held)
  const on = line('a')
  const [one, two] = [1, 2].map((id) => take(packet(id), on) as HeldMessage)
  if (one !== undefined) one.wasRefused = true
  held.settled([two as HeldMessage])
  expect(sent).toEqual(['a 2 1'])
  held.settled([one as HeldMessage])
  expect(sent).toEqual(['a 2 1', 'a 1 1'])
})

it('of a connection that is gone are acknowledged on no other, unless the broker sends them there', () => {
  const held = new HeldMessages({ messages: 10, bytes: 1_000_000 })
  const take = taker(held)
  const [first, second] = [line('first'), line('second')]
  const one = take(packet(1), first) as HeldMessage
  const two = take(packet(2), first) as HeldMessage
  const three = take(packet(3), first) as HeldMessage
  first.open = false
  held.disconnected(first)
  held.settled([one])
  // Stored already, or on its way: the same message again is not another one.
  expect(take(packet(1, { dup: true }), second)).toBeUndefined()
  expect(take(packet(2, { dup: true }), second)).toBeUndefined()
  expect(sent).toEqual(['second 1 1'])
  held.settled([two, three])
  expect(sent).toEqual(['second 1 1', 'second 2 1'])
})

it('are others where the broker has a new session, or says so', () => {
  const held = new HeldMessages({ messages: 10, bytes: 1_000_000 })
  const take = taker(held)
  const on = line('a')
  expect(take(packet(1), on)).toBeDefined()
  expect(take(packet(1), on)).toBeDefined()
  expect(take(packet(1, { dup: true, topic: 'other' }), on)).toBeDefined()
  held.sessionIsNew()
  expect(take(packet(1, { dup: true }), on)).toBeDefined()
})

it('of quality 2 are known until they are released', () => {
  const held = new HeldMessages({ messages: 10, bytes: 1_000_000 })
  const take = taker(held)
  const on = line('a')
  const one = take(packet(1, { qos: 2 }), on) as HeldMessage
  held.settled([one])
  expect(take(packet(1, { qos: 2, dup: true }), on)).toBeUndefined()
  expect(sent).toEqual(['a 1 2', 'a 1 2'])
  held.released(1)
  expect(take(packet(1, { qos: 2, dup: true }), on)).toBeDefined()
})

it('stop the reading above their number and above their bytes, and let it go on below', () => {
  const held = new HeldMessages({ messages: 2, bytes: 2_000 })
  const take = taker(held)
  const on = line('a')
  let reads = 0
  const next = (): void => void (reads += 1)
  const taken = [1, 2, 3].map((id) => take(packet(id), on, next) as HeldMessage)
  expect([reads, held.isFull]).toEqual([2, true])
  held.settled(taken.slice(0, 1))
  expect([reads, held.isFull]).toEqual([3, false])
  held.settled(taken.slice(1))
  const large = take(packet(9, { payload: Buffer.alloc(3_000) }), on, next) as HeldMessage
  expect([reads, held.isFull]).toEqual([3, true])
  held.settled([large])
  expect([reads, held.isFull]).toEqual([4, false])
})
