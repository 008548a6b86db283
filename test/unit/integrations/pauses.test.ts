import { expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { createPauses } from '../../../src/integrations/pauses.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { PauseRecord } from '../../../src/ports/pauses.ts'
import { manualClock, settled } from '../worker/manual-clock.ts'

/** Pauses of one instance, on a table that the test writes as another instance would. */
function setUp(configured: readonly string[] = []) {
  const clock = manualClock()
  const table = new Map<string, PauseRecord>()
  const database = { away: false, reads: 0, hold: Promise.resolve() }
  const announced: string[] = []
  let hear: () => void = () => undefined
  const write = (address: string, paused: boolean, changedBy = 'somebody'): PauseRecord => {
    const record = { address, paused, changedBy, changedOn: new Date(0), reason: null }
    table.set(address, record)
    return record
  }
  const pauses = createPauses({
    store: {
      pauses: {
        list: async () => {
          database.reads += 1
          if (database.away) throw new CrossdockError('database_unavailable', 'away')
          const rows = [...table.values()]
          await database.hold
          return rows
        },
        set: async ({ address, paused, changedBy }) => write(address, paused, changedBy ?? ''),
      },
    },
    wakeUps: {
      pauses: () => announced.push('pauses'),
      onPauses: (listener) => {
        hear = listener
        return () => undefined
      },
    },
    configured,
    clock,
    log: silentLog,
  })
  const changes: (readonly string[])[] = []
  pauses.onChange((addresses) => changes.push(addresses))
  return { clock, database, announced, hear: () => hear(), write, pauses, changes }
}

const wish = (address: string, paused: boolean) => ({
  address,
  paused,
  changedBy: 'ada',
  reason: null,
})

it('what was paused before the start is paused from the start on', async () => {
  const { pauses, write, changes } = setUp()
  write('mqtt:temps', true)
  write('queue:mail', false)
  await pauses.start()
  expect(pauses.find('mqtt:temps')).toEqual({ on: new Date(0), by: 'somebody', reason: null })
  expect(pauses.find('queue:mail')).toBeUndefined()
  expect(changes).toEqual([['mqtt:temps']])
})

it('a start without the database fails: what is paused is not known', async () => {
  const { pauses, database } = setUp()
  database.away = true
  await expect(pauses.start()).rejects.toMatchObject({ code: 'database_unavailable' })
})

it('what another instance announces is read at once, what nobody announces by the next look', async () => {
  const { clock, pauses, write, hear, changes } = setUp()
  await pauses.start()
  write('mqtt:temps', true)
  hear()
  await settled()
  expect(changes).toEqual([['mqtt:temps']])
  write('mqtt:temps', false)
  await clock.advance(1_999)
  expect(pauses.find('mqtt:temps')).toBeDefined()
  await clock.advance(1)
  expect(pauses.find('mqtt:temps')).toBeUndefined()
})

it('looks go on after the database was away', async () => {
  const { clock, database, pauses, write } = setUp()
  await pauses.start()
  database.away = true
  await clock.advance(10_000)
  write('mqtt:temps', true)
  database.away = false
  await clock.advance(2_000)
  expect(pauses.find('mqtt:temps')).toBeDefined()
  pauses.stop()
  const { reads } = database
  await clock.advance(10_000)
  expect(database.reads).toBe(reads)
})

it('an own change counts at once, is announced, and no list that was read before undoes it', async () => {
  const { clock, database, pauses, announced, changes } = setUp()
  await pauses.start()
  await settled()
  const held = Promise.withResolvers<void>()
  database.hold = held.promise
  await clock.advance(2_000)
  await pauses.change(wish('queue:mail', true))
  expect(announced).toEqual(['pauses'])
  expect(pauses.isQueuePaused('mail')).toBe(true)
  held.resolve()
  await settled()
  expect(pauses.isQueuePaused('mail')).toBe(true)
  expect(changes).toEqual([['queue:mail']])
})

it('what people say wins over the configuration, also after a restart', async () => {
  const { pauses } = setUp(['queue:mail'])
  await pauses.start()
  expect(pauses.find('queue:mail')).toEqual({
    on: null,
    by: null,
    reason: 'paused in the configuration',
  })
  await pauses.change(wish('queue:mail', false))
  expect(pauses.find('queue:mail')).toBeUndefined()
  const again = setUp(['queue:mail'])
  again.write('queue:mail', false)
  await again.pauses.start()
  expect(again.pauses.isQueuePaused('mail')).toBe(false)
})

it('a paused publication rests its queue; a subscription of that name rests no queue of its name', async () => {
  const { pauses } = setUp()
  await pauses.start()
  await pauses.change(wish('http:orders', true))
  expect(pauses.isQueuePaused('http:orders')).toBe(true)
  expect(pauses.isQueuePaused('orders')).toBe(false)
})
