import { expect, it } from 'vitest'
import { createClientSlots } from '../../../src/client-slots/client-slots.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'
import { manualClock } from '../worker/manual-clock.ts'

const LEASE_MS = 30_000

/** The slots of one process, of a store that gives it slot 0 and keeps it for as long as the test says. */
async function setUp() {
  const clock = manualClock()
  const database = { isKept: true, isMine: true }
  const slots = createClientSlots({
    store: {
      takeSlot: async () => 0,
      renewSlots: async ({ keys }) => (database.isKept ? keys : []),
      releaseSlot: async () => undefined,
      listPackets: async () => [],
      rememberPackets: async () => database.isMine,
      forgetPackets: async () => database.isMine,
    },
    token: 'mine',
    clock,
    log: recordingLog(),
    leaseMs: LEASE_MS,
  })
  const slot = await slots.take({ name: 'a', limit: 1 })
  if (slot === undefined) throw new Error('there is a slot')
  return { clock, database, slots, slot }
}

it('a slot that is lost is told once', async () => {
  const { clock, database, slot } = await setUp()
  let told = 0
  slot.onLost(() => (told += 1))
  await clock.advance(LEASE_MS)
  expect(told).toBe(0)
  database.isKept = false
  await clock.advance(LEASE_MS)
  expect(told).toBe(1)
})

it('a slot that was lost before anybody listened is told at once', async () => {
  const { clock, database, slot } = await setUp()
  database.isKept = false
  await clock.advance(LEASE_MS)
  let told = 0
  slot.onLost(() => (told += 1))
  expect(told).toBe(1)
})

it('a slot that was given back is never lost', async () => {
  const { clock, database, slot } = await setUp()
  let told = 0
  await slot.release()
  database.isKept = false
  await clock.advance(LEASE_MS)
  slot.onLost(() => (told += 1))
  expect(told).toBe(0)
})

it.each(['remember', 'forget'] as const)(
  'a slot that is another process’s by the time its packets are written is lost: %s',
  async (what) => {
    const { database, slot } = await setUp()
    let told = 0
    slot.onLost(() => (told += 1))
    const write = () =>
      what === 'remember'
        ? slot.packets.remember([{ packetId: 1, identity: 'x' }])
        : slot.packets.forget([1])
    await write()
    expect(told).toBe(0)
    database.isMine = false
    await expect(write()).rejects.toMatchObject({ code: 'lease_lost' })
    await expect(write()).rejects.toMatchObject({ code: 'lease_lost' })
    expect(told).toBe(1)
  },
)
