import type { IPublishPacket } from 'mqtt'
import { expect, it } from 'vitest'
import { inboundMessage } from '../../../adapters/mqtt/inbound-message.ts'
import { PacketIdentities } from '../../../adapters/mqtt/packet-identities.ts'
import type { PacketMemory } from '../../../src/ports/client-slots.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'

/** A memory whose writes begin when the test lets them; what they do is done then. */
async function setUp() {
  const written = new Map<number, string>([[7, 'of-before']])
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
  function arrives(messageId: number): void {
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic: 't',
      payload: Buffer.from('x'),
      qos: 2,
      dup: false,
      retain: false,
      messageId,
    }
    packets.identify(packet, inboundMessage(packet, 's'))
  }
  return { packets, written, gates, arrives }
}

/** Lets everything run that waits for nothing. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

it('of a new session are written after those of the former are gone, however slow that is', async () => {
  const { packets, written, gates, arrives } = await setUp()
  const clearing = packets.clear()
  arrives(1)
  const saving = packets.save()
  await settled()
  expect(gates.map(({ what }) => what)).toEqual(['clear'])
  gates[0]?.pass()
  await clearing
  await settled()
  gates[1]?.pass()
  await saving
  expect([...written.keys()]).toEqual([1])
})

it('of a new session are written although those of the former could not be removed', async () => {
  const { packets, written, gates, arrives } = await setUp()
  const clearing = packets.clear()
  arrives(1)
  const saving = packets.save()
  await settled()
  gates[0]?.break()
  await expect(clearing).rejects.toThrow('no database')
  await settled()
  gates[1]?.pass()
  await saving
  expect([...written.keys()]).toEqual([7, 1])
})

it('a write of the former session takes nothing away from the new one', async () => {
  const { packets, written, gates, arrives } = await setUp()
  let released = 0
  packets.release(7, () => (released += 1))
  await settled()
  const clearing = packets.clear()
  arrives(7)
  const saving = packets.save()
  await settled()
  expect(gates.map(({ what }) => what)).toEqual(['forget'])
  for (let n = 0; n < 3; n += 1) {
    gates[n]?.pass()
    await settled()
  }
  await Promise.all([clearing, saving])
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
