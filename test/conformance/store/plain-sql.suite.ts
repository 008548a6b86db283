import { expect, it } from 'vitest'
import { OUTBOUND_HANDLER, outboundJob } from '../../../src/domain/outbound.ts'
import { CLAIM, rowOf } from './jobs.ts'
import { storeSuite } from './store-suite.ts'
import type { Row } from './target.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const FUTURE = new Date('2999-01-01T00:00:00Z')

/** What PostgreSQL and MySQL say of a value that a rule of the table forbids. */
const REFUSED = /violates|constraint|range/i

export const plainSqlSuite = storeSuite('jobs of plain SQL', (bed) => {
  const sql = (text: string, values?: readonly unknown[]): Promise<readonly Row[]> =>
    bed.database.sql(text, values)

  async function insertRow(columns: Readonly<Record<string, unknown>>): Promise<Row> {
    const named = { handler: 'h', ...columns }
    const marks = Object.keys(named).fill('?').join(', ')
    const names = Object.keys(named).join(', ')
    await sql(`INSERT INTO queue_jobs (${names}) VALUES (${marks})`, Object.values(named))
    const rows = await sql('SELECT * FROM queue_jobs ORDER BY seq DESC LIMIT 1')
    return rows[0]!
  }

  it('is complete with a handler and a payload', async () => {
    await sql(
      `INSERT INTO queue_jobs (handler, payload) VALUES ('examples.hello', '{"name":"Ann"}')`,
    )
    const [claimed] = await bed.store.claim(CLAIM)
    expect(claimed).toMatchObject({
      handler: 'examples.hello',
      payload: '{"name":"Ann"}',
      priority: 0,
      retryCount: 0,
      epoch: 1,
    })
  })

  it('gets an id of its own that grows with time', async () => {
    await sql(`INSERT INTO queue_jobs (handler) VALUES ('a'), ('b'), ('c')`)
    const first = await sql('SELECT id FROM queue_jobs ORDER BY seq')
    const later = await insertRow({})
    expect(new Set(first.map(({ id }) => id)).size).toBe(3)
    for (const { id } of [...first, later]) expect(id).toMatch(UUID_V7)
    const millis = parseInt(String(later['id']).replaceAll('-', '').slice(0, 12), 16)
    expect(Math.abs(millis - Date.now())).toBeLessThan(10_000)
  })

  it('takes any string for an id', async () => {
    const id = `  order 😀/'"${'x'.repeat(40)} `
    expect((await insertRow({ id }))['id']).toBe(id)
    expect((await bed.store.findJob(id))!.id).toBe(id)
    expect((await bed.store.claim(CLAIM))[0]!.jobId).toBe(id)
    await expect(insertRow({ id })).rejects.toThrow(/duplicate/i)
  })

  it('goes out by the queue of its publication, in the order of its key there', async () => {
    const outbound = {
      direction: 'outbound',
      handler: OUTBOUND_HANDLER,
      protocol: 'kafka',
      method: 'orders',
    }
    const keyed = await insertRow({ ...outbound, metadata: '{"key":"Äpfel 1"}' })
    expect(keyed).toMatchObject({ queue: 'kafka:orders', orderingkey: 'kafka:orders Äpfel 1' })
    expect(keyed['statusid']).toBe(1)
    const row = { id: 'x', protocol: 'kafka', publication: 'orders', key: 'Äpfel 1' } as const
    expect(outboundJob(row)).toMatchObject({
      queue: keyed['queue'],
      orderingKey: keyed['orderingkey'],
    })
    const ordered = await insertRow({ ...outbound, metadata: '{"key":7}', orderingkey: 'mine' })
    expect(ordered).toMatchObject({ queue: 'kafka:orders', orderingkey: 'mine' })
    for (const metadata of [null, '{}', '{"key":null}']) {
      const plain = await insertRow({ ...outbound, metadata })
      expect(plain).toMatchObject({ queue: 'kafka:orders', orderingkey: null, statusid: 0 })
    }
    const own = await insertRow({ ...outbound, queue: 'mail', metadata: '{"key":"k"}' })
    expect(own).toMatchObject({ queue: 'mail', orderingkey: null })
    const other = await insertRow({ direction: 'inbound', protocol: 'kafka', method: 'orders' })
    expect(other['queue']).toBe('default')
  })

  it('is Pending where it says Queued', async () => {
    expect((await insertRow({ statusid: 1 }))['statusid']).toBe(0)
  })

  it('is Scheduled where it says Pending and a later time, or Queued and a later time', async () => {
    for (const statusid of [0, 1]) {
      expect((await insertRow({ statusid, scheduledat: FUTURE }))['statusid']).toBe(7)
    }
    expect((await insertRow({ statusid: 0, scheduledat: new Date(0) }))['statusid']).toBe(0)
  })

  it('never waits for a time that it does not have', async () => {
    for (const statusid of [5, 7]) {
      expect((await insertRow({ statusid }))['statusid']).toBe(0)
    }
  })

  it('follows a change by hand: a later time makes it wait, none makes it ready', async () => {
    const { id } = await insertRow({})
    await sql('UPDATE queue_jobs SET scheduledat = ? WHERE id = ?', [FUTURE, id])
    expect((await rowOf(bed.database, String(id)))['statusid']).toBe(7)
    await sql('UPDATE queue_jobs SET scheduledat = NULL WHERE id = ?', [id])
    expect((await rowOf(bed.database, String(id)))['statusid']).toBe(0)
    await sql('UPDATE queue_jobs SET statusid = 1 WHERE id = ?', [id])
    expect((await rowOf(bed.database, String(id)))['statusid']).toBe(0)
  })

  it('keeps a status that is none of our business', async () => {
    for (const statusid of [3, 4, 6]) {
      expect((await insertRow({ statusid, scheduledat: FUTURE }))['statusid']).toBe(statusid)
    }
  })

  it('has its times in UTC, whatever the time zone of the session', async () => {
    for (const zone of ['America/New_York', 'Asia/Kolkata']) {
      const id = `in ${zone}`
      await bed.database.sqlInZone(
        zone,
        'INSERT INTO queue_jobs (id, handler, scheduledat) VALUES (?, ?, ?)',
        [id, 'h', FUTURE],
      )
      const job = (await bed.store.findJob(id))!
      expect(Math.abs(job.createdAt.getTime() - Date.now())).toBeLessThan(10_000)
      expect(job.scheduledAt).toEqual(FUTURE)
      expect(job.status).toBe('scheduled')
    }
  })

  it('shows when another program changed it', async () => {
    const told = new Date('2020-01-01T00:00:00Z')
    const made = await insertRow({ modifiedon: told, createdon: told })
    const id = String(made['id'])
    await sql('UPDATE queue_jobs SET name = ? WHERE id = ?', ['changed', id])
    const changed = await rowOf(bed.database, id)
    expect(Math.abs((changed['modifiedon'] as Date).getTime() - Date.now())).toBeLessThan(10_000)
    expect(changed['createdon']).toEqual(told)
    await sql('UPDATE queue_jobs SET modifiedon = ? WHERE id = ?', [told, id])
    expect((await rowOf(bed.database, id))['modifiedon']).toEqual(told)
  })

  it('is refused with a status or a type that there is not', async () => {
    for (const columns of [{ statusid: 8 }, { statusid: -1 }, { typeid: 4 }, { typeid: -1 }]) {
      await expect(insertRow(columns)).rejects.toThrow(REFUSED)
    }
    await expect(sql(`INSERT INTO queue_jobs (payload) VALUES ('x')`)).rejects.toThrow(/handler/)
  })

  it('claims nothing that is not active', async () => {
    await insertRow({ active: false })
    expect(await bed.store.claim(CLAIM)).toEqual([])
    await sql('UPDATE queue_jobs SET active = ?', [true])
    expect(await bed.store.claim(CLAIM)).toHaveLength(1)
  })

  it('loses its history with its row', async () => {
    const { id } = await insertRow({})
    await sql(
      'INSERT INTO job_histories (jobid, leaseepoch, statusid, startedat) VALUES (?, 1, 3, ?)',
      [id, new Date()],
    )
    expect(await bed.store.listExecutions(String(id))).toHaveLength(1)
    await sql('DELETE FROM queue_jobs WHERE id = ?', [id])
    expect(await sql('SELECT 1 FROM job_histories')).toEqual([])
  })

  it('takes the INSERTs of schedules as they stand in the contract', async () => {
    await sql(`INSERT INTO jobs
      (id, name, description, handler, cronexpression, enabled, priority, maxretries, createdby)
      VALUES ('s1', 'nightly', 'each night', 'h', '0 3 * * *', true, 5, 2, 'ann')`)
    await sql(`INSERT INTO jobs
      (id, name, description, handler, intervalseconds, enabled, priority, maxretries, createdby)
      VALUES ('s2', 'often', 'each minute', 'h', 60, true, 0, 2, 'ann')`)
    const rows = await sql('SELECT timezone, misfirepolicy, overlappolicy, queue FROM jobs')
    expect(rows).toEqual(
      Array(2).fill({
        timezone: 'UTC',
        misfirepolicy: 'fire_once',
        overlappolicy: 'allow',
        queue: 'default',
      }),
    )
  })
})
