import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { messages, prefixOf } from './sent-messages.ts'
import type { SuiteRun } from './suite-run.ts'
import { until } from './waiting.ts'

/** What every message is owed: stored once, as it is, before it is acknowledged, in its line. */
export function deliveryCases({ when, run, running }: SuiteRun): void {
  when('a message is stored, then acknowledged, and its job runs once', async ({ bed, stored }) => {
    const before = bed.acknowledged()
    const sent = messages()
    const sending = bed.send(sent)
    let isDone = false
    while (!isDone) {
      // In this order: what is acknowledged now was stored before.
      const acknowledged = bed.acknowledged() - before
      expect(await stored.jobsOf(sent)).toBeGreaterThanOrEqual(acknowledged)
      isDone = acknowledged >= sent.length
    }
    await sending
    await stored.expectEachOnce(sent)
    // The same messages again, each with its identity.
    if (bed.deliverAgain === undefined) {
      await bed.send(sent)
    } else {
      expect((await (await running()).stop()).code).toBe(0)
      await bed.deliverAgain()
      await run()
    }
    await until(() => bed.acknowledged() - before >= 2 * sent.length)
    await stored.expectEachOnce(sent)
  })

  when('bytes and headers are kept as they are', async ({ bed, database, stored }) => {
    const body = randomBytes(1_000)
    const [message] = messages(1)
    if (message === undefined) return
    await bed.send([{ ...message, body, headers: { 'x-color': 'red "ä"' } }], 'bytes')
    await until(async () => (await stored.jobsOf([message])) === 1)
    const [row] = await database.sql(
      `SELECT payload, payloadencoding, headers FROM queue_jobs WHERE ${stored.where(message.key)}`,
    )
    expect(row?.['payloadencoding']).toBe('base64')
    expect(Buffer.from(String(row?.['payload']), 'base64')).toEqual(body)
    const headers: unknown =
      typeof row?.['headers'] === 'string' ? JSON.parse(row['headers']) : row?.['headers']
    expect(headers).toMatchObject({ 'x-color': 'red "ä"' })
  })

  when(
    'a message that is no JSON is a dead letter, and the others are not held up',
    async ({ bed, database, stored }) => {
      const sent = messages(20)
      const bad = { key: `bad-${prefixOf(sent)}`, body: Buffer.from('{no json') }
      await bed.send([...sent.slice(0, 10), bad, ...sent.slice(10)])
      await stored.expectEachOnce(sent)
      const where = stored.where(bad.key)
      const badJobs = `SELECT count(*) FROM queue_jobs WHERE ${where}`
      await until(async () => (await stored.count(`${badJobs} AND statusid = 4`)) === 1)
      const [row] = await database.sql(`SELECT statusid, deadreason FROM queue_jobs WHERE ${where}`)
      expect(row).toMatchObject({ statusid: 4 })
      expect(row?.['deadreason']).toBeTruthy()
    },
    'poison message is a dead letter',
  )

  when(
    'messages of one line are stored in their order',
    async ({ bed, stored }) => {
      const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
      await bed.send(sent)
      await stored.expectEachOnce(sent)
      await stored.expectOrder(sent)
    },
    'order of a line',
  )
}
