import type { IPublishPacket } from 'mqtt'
import { expect, it, vi } from 'vitest'
import { inboundMessage } from '../../../adapters/mqtt/inbound-message.ts'
import { PacketIdentities } from '../../../adapters/mqtt/packet-identities.ts'
import type { PacketMemory } from '../../../src/ports/client-slots.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'

/** A memory whose writes begin when the test lets them; what they do is done then. */
async function setUp(written = new Map<number, string>([[7, 'of-before']])) {
  const gates: { readonly what: string; pass(): void; break(): void }[] = []
  async function gate(what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    gates.push({
      what,
      pass: () => {
        resolve(undefined)
      },
      break: () => {
        reject(new Error('no database'))
      },
    })
    await promise
  }
  const memory: PacketMemory = {
    all: async () => [...written].map(([packetId, identity]) => ({ packetId, identity })),
    remember: async (packets) => {
      await gate('remember')
      for (const { packetId, identity } of packets) written.set(packetId, identity)
    },
    forget: async (packetIds) => {
      await gate(packetIds === undefined ? 'clear' : 'forget')
      for (const packetId of packetIds ?? [...written.keys()]) written.delete(packetId)
    },
  }
  const packets = await PacketIdentities.open(memory, recordingLog())
  function arrives(
    messageId: number,
    text = 'x',
    dup = false,
    subscriptionIdentifier?: number,
  ): string | undefined {
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic: 't',
      payload: Buffer.from(text),
      qos: 2,
      dup,
      retain: false,
      messageId,
      ...(subscriptionIdentifier !== undefined && { properties: { subscriptionIdentifier } }),
    }
    return packets.identify(packet, inboundMessage(packet, 's')).identity
  }
  return { packets, written, gates, arrives }
}

/** Lets everything run that waits for nothing. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

it('of a new session are written after those of the former are gone, however slow that is', async () => {
  const { packets, written, gates, arrives } = await setUp()
  packets.clear()
  arrives(1)
  const saving = packets.save()
  await settled()
  expect(gates.map(({ what }) => what)).toEqual(['clear'])
  gates[0]?.pass()
  await settled()
  gates[1]?.pass()
  await saving
  expect([...written.keys()]).toEqual([1])
})

it('of a new session are not written before those of the former could be removed', async () => {
  const { packets, written, gates, arrives } = await setUp()
  packets.clear()
  arrives(1)
  const saving = packets.save()
  await settled()
  gates[0]?.break()
  await expect(saving).rejects.toThrow('no database')
  const again = packets.save()
  await settled()
  expect(gates.map(({ what }) => what)).toEqual(['clear', 'clear'])
  gates[1]?.pass()
  await settled()
  gates[2]?.pass()
  await again
  expect([...written.keys()]).toEqual([1])
})

it('those of a former session are removed at last, although nothing else is written', async () => {
  const { packets, written, gates } = await setUp()
  packets.clear()
  await settled()
  gates[0]?.break()
  await vi.waitFor(() => {
    expect(gates).toHaveLength(2)
  }, 5_000)
  gates[1]?.pass()
  await settled()
  expect(written.size).toBe(0)
})

it('those of two sessions that begin one after the other are removed', async () => {
  const { packets, written, gates, arrives } = await setUp()
  packets.clear()
  await settled()
  packets.clear()
  arrives(1)
  const saving = packets.save()
  for (let n = 0; n < 3; n += 1) {
    await settled()
    gates[n]?.pass()
  }
  await saving
  expect(gates.map(({ what }) => what)).toEqual(['clear', 'clear', 'remember'])
  expect([...written.keys()]).toEqual([1])
})

it('a write of the former session takes nothing away from the new one', async () => {
  const { packets, written, gates, arrives } = await setUp()
  let released = 0
  packets.release(7, () => (released += 1))
  await settled()
  packets.clear()
  arrives(7)
  const saving = packets.save()
  await settled()
  expect(gates.map(({ what }) => what)).toEqual(['forget'])
  for (let n = 0; n < 3; n += 1) {
    gates[n]?.pass()
    await settled()
  }
  await saving
  expect([...written.keys()]).toEqual([7])
  expect(written.get(7)).not.toBe('of-before')
  // The packet id is another message's by now: nobody is told that it is free.
  expect(released).toBe(0)
  packets.release(7, () => (released += 1))
  await settled()
  gates[3]?.pass()
  await settled()
  expect([released, written.size]).toEqual([1, 0])
})

it('takes a packet for a repeat where it is the same message, also after a restart', async () => {
  const { packets, written, gates, arrives } = await setUp()
  const first = arrives(1)
  const saving = packets.save()
  await settled()
  gates[0]?.pass()
  await saving
  expect(arrives(1, 'x', true)).toBe(first)
  const restarted = await setUp(written)
  expect(restarted.arrives(1, 'x', true)).toBe(first)
})

it('takes a packet with another content for a new message, whatever dup says', async () => {
  const { packets, written, gates, arrives } = await setUp()
  const first = arrives(1)
  const saving = packets.save()
  await settled()
  gates[0]?.pass()
  await saving
  // The former session's packet ids could not be removed before the process died.
  const restarted = await setUp(written)
  const other = restarted.arrives(1, 'y', true)
  expect(other).not.toBe(first)
  expect(restarted.arrives(1, 'y', true)).toBe(other)
})

it('takes the same content under the same packet id for a new message where it came by another subscription', async () => {
  const { packets, written, gates, arrives } = await setUp()
  const first = arrives(1, 'x', false, 268_435_455)
  const saving = packets.save()
  await settled()
  gates[0]?.pass()
  await saving
  // As wide as the column that it is written into, at most.
  expect(written.get(1)?.length).toBeLessThanOrEqual(64)
  const restarted = await setUp(written)
  expect(restarted.arrives(1, 'x', true, 268_435_455)).toBe(first)
  // A broker that names no subscription when it repeats: the content decides.
  expect(restarted.arrives(1, 'x', true)).toBe(first)
  const other = restarted.arrives(1, 'x', true, 7)
  expect(other).not.toBe(first)
  expect(restarted.arrives(1, 'x', true, 7)).toBe(other)
})

it('takes a repeat for one where an earlier version wrote no hash', async () => {
  const { arrives } = await setUp()
  expect(arrives(7, 'x', true)).toBe('packet/of-before')
})

it.each(['clear', 'forget'])('repeats nothing once it is closed: %s', async (what) => {
  const { packets, gates } = await setUp()
  if (what === 'clear') packets.clear()
  else packets.release(7, () => undefined)
  await settled()
  let isClosed = false
  const closing = packets.close().then(() => (isClosed = true))
  await settled()
  // What is under way is waited for.
  expect(isClosed).toBe(false)
  gates[0]?.break()
  await closing
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(gates.map((gate) => gate.what)).toEqual([what])
})
