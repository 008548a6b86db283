/**
 * Places an order. It expects a table of yours:
 *
 *   create table orders (id text primary key, total numeric not null, placedby text);
 *
 * The row in `orders`, the job that sends the receipt, this job's completion and its history commit
 * together or not at all.
 */
import { defineHandler, PermanentError } from 'crossdock'
import { z } from 'zod'

const order = z.object({ orderId: z.string().min(1), total: z.number() })

export const placeOrder = defineHandler({
  name: 'orders.place',
  input: order,
  maxRetries: 5,
  retryDelay: (retry) => Math.min(30_000 * 2 ** retry, 600_000),
  timeoutMs: 60_000,
  async run({ input, tx, enqueue, progress, log, job }) {
    // No attempt will make this total right.
    if (input.total < 0) throw new PermanentError(`order ${input.orderId} has a negative total`)

    await tx.sql`
      insert into orders (id, total, placedby)
      values (${input.orderId}, ${input.total}, ${job.createdBy})`
    await progress(1, 2, 'placed')

    const receipt = await enqueue('orders.receipt', input, {
      uniqueKey: `receipt:${input.orderId}`,
    })
    await progress(2, 2, 'receipt queued')

    log.info({ receiptJob: receipt.id }, 'order placed')
    return { ok: true, receiptJobId: receipt.id }
  },
})

export const sendReceipt = defineHandler({
  name: 'orders.receipt',
  input: order,
  // It touches no SQL: `tx` is forbidden, and completions are committed in groups.
  transaction: 'none',
  run({ input, log }) {
    log.info({ orderId: input.orderId }, 'receipt sent')
    return { sent: true }
  },
})
