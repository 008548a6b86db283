import { afterAll, beforeAll, expect, test } from 'vitest'
import { isCrossdockError } from 'crossdock'
import { openTestDatabase, testHandler, type TestDatabase } from 'crossdock/testing'
import { placeOrder } from '../../../examples/handlers/orders-place.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await openTestDatabase()
  await database.sql('create table orders (id text primary key, total numeric, placedby text)')
})

afterAll(() => database.close())

test('an order is placed, and its receipt is enqueued', async () => {
  const placed = await testHandler(placeOrder, {
    input: { orderId: 'o1', total: 20 },
    createdBy: 'ada',
    database,
  })
  expect(placed.outcome).toBe('completed')
  expect(placed.result).toMatchObject({ ok: true })
  expect(placed.touched).toEqual([{ table: 'orders', inserted: 1, updated: 0, deleted: 0 }])
  expect(placed.enqueued).toMatchObject([{ handler: 'orders.receipt', payload: { orderId: 'o1' } }])
  expect(placed.progress.at(-1)).toMatchObject({ current: 2, total: 2 })
})

test('a negative total is never tried again', async () => {
  const refused = await testHandler(placeOrder, { input: { orderId: 'o2', total: -1 } })
  expect(refused.outcome).toBe('failed')
  expect(isCrossdockError(refused.error, 'permanent')).toBe(true)
  expect(refused.enqueued).toEqual([])
})

test('it stops when its time is up', async () => {
  const slow = await testHandler(placeOrder, {
    input: { orderId: 'o3', total: 1 },
    database,
    timeoutMs: 1,
  })
  expect(slow.outcome).toBe('retry')
  expect(isCrossdockError(slow.error, 'handler_timeout')).toBe(true)
})
