import { beforeEach, describe, expect, it } from 'vitest'
import { storeSuite } from './store-suite.ts'

const LEASE_MS = 60_000

export const clientSlotsSuite = storeSuite('client slots', (bed) => {
  beforeEach(async () => {
    await bed.database.sql('DELETE FROM crossdock_client_slots')
    await bed.database.sql('DELETE FROM crossdock_client_packets')
  })

  const take = (
    token: string,
    more: { name?: string; limit?: number; leaseMs?: number; abandoned?: boolean } = {},
  ) => bed.store.takeSlot({ name: 'one', limit: 3, leaseMs: LEASE_MS, token, ...more })

  it('are numbered from 0 on, for each name by itself, until there are no more', async () => {
    expect(await take('a')).toBe(0)
    expect(await take('b')).toBe(1)
    expect(await take('c', { name: 'One' })).toBe(0)
    expect(await take('c')).toBe(2)
    expect(await take('d')).toBeUndefined()
  })

  it('are taken by one each of those who ask at once', async () => {
    const taken = await Promise.all(
      Array.from({ length: 6 }, (_, index) => take(`token-${index}`, { limit: 4 })),
    )
    expect(taken.filter((slot) => slot !== undefined).sort()).toEqual([0, 1, 2, 3])
  })

  it('go to another one when they were given back or their lease is over, the lowest first', async () => {
    await take('a')
    await take('b')
    await bed.store.renewSlots({ keys: [{ name: 'one', slot: 0 }], token: 'a', leaseMs: -1 })
    expect(await take('c')).toBe(0)
    await bed.store.releaseSlot({ name: 'one', slot: 1, token: 'b' })
    expect(await take('d')).toBe(1)
  })

  it('that somebody had before can be asked for alone', async () => {
    expect(await take('a', { abandoned: true })).toBeUndefined()
    await take('a')
    await take('b')
    expect(await take('c', { abandoned: true })).toBeUndefined()
    await bed.store.releaseSlot({ name: 'one', slot: 1, token: 'b' })
    expect(await take('c', { abandoned: true })).toBe(1)
  })

  it('stay with their holder while it renews them, and nobody else can give them back', async () => {
    await take('a', { leaseMs: 1_000 })
    const mine = { name: 'one', slot: 0 }
    expect(
      await bed.store.renewSlots({
        keys: [mine, { name: 'one', slot: 1 }],
        token: 'a',
        leaseMs: LEASE_MS,
      }),
    ).toEqual([mine])
    const [row] = await bed.database.sql(
      'SELECT expiresat > CURRENT_TIMESTAMP AS held FROM crossdock_client_slots',
    )
    expect(Boolean(row?.['held'])).toBe(true)
    await bed.store.releaseSlot({ ...mine, token: 'b' })
    expect(await take('b', { limit: 1 })).toBeUndefined()
    expect(await bed.store.renewSlots({ keys: [mine], token: 'b', leaseMs: LEASE_MS })).toEqual([])
    expect(await bed.store.renewSlots({ keys: [], token: 'a', leaseMs: LEASE_MS })).toEqual([])
  })

  describe('know their packets', () => {
    const slot = { name: 'one', slot: 0 }
    const mine = { ...slot, token: 'a' }
    const all = async () =>
      [...(await bed.store.listPackets(slot))].sort((a, b) => a.packetId - b.packetId)

    it('each by one identity, the last one, until they are forgotten', async () => {
      await take('a')
      await take('b')
      await bed.store.rememberPackets({
        ...mine,
        packets: [
          { packetId: 1, identity: 'a' },
          { packetId: 65_535, identity: 'b' },
        ],
      })
      await bed.store.rememberPackets({
        ...mine,
        packets: [
          { packetId: 1, identity: 'c' },
          { packetId: 1, identity: 'd' },
        ],
      })
      await bed.store.rememberPackets({
        ...slot,
        slot: 1,
        token: 'b',
        packets: [{ packetId: 1, identity: 'x' }],
      })
      expect(await all()).toEqual([
        { packetId: 1, identity: 'd' },
        { packetId: 65_535, identity: 'b' },
      ])
      await bed.store.forgetPackets({ ...mine, packetIds: [1, 7] })
      expect(await all()).toEqual([{ packetId: 65_535, identity: 'b' }])
      await bed.store.forgetPackets({ ...mine, packetIds: [] })
      expect(await all()).toHaveLength(1)
      await bed.store.forgetPackets(mine)
      expect(await all()).toEqual([])
      expect(await bed.store.listPackets({ ...slot, slot: 1 })).toHaveLength(1)
    })

    it('as the holder of their slot says, and nobody who held it before', async () => {
      const packets = [{ packetId: 1, identity: 'of the successor' }]
      await take('former')
      await bed.store.renewSlots({ keys: [slot], token: 'former', leaseMs: -1 })
      expect(await take('successor')).toBe(0)
      expect(await bed.store.rememberPackets({ ...slot, token: 'successor', packets })).toBe(true)
      const former = { ...slot, token: 'former' }
      expect(
        await bed.store.rememberPackets({
          ...former,
          packets: [
            { packetId: 1, identity: 'of the former' },
            { packetId: 2, identity: 'of the former' },
          ],
        }),
      ).toBe(false)
      expect(await bed.store.forgetPackets({ ...former, packetIds: [1] })).toBe(false)
      expect(await bed.store.forgetPackets(former)).toBe(false)
      expect(await all()).toEqual(packets)
      await bed.store.releaseSlot({ ...slot, token: 'successor' })
      expect(await bed.store.forgetPackets({ ...slot, token: 'successor' })).toBe(false)
      expect(await all()).toEqual(packets)
    })
  })
})
