import { expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import { CLAIM, codeOf, count, insert, newJob, newJobs, rowOf } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const FULL = {
  handler: 'orders.place',
  queue: 'orders',
  name: 'an order',
  description: 'of many lines\nand tabs\t',
  type: 'integration',
  method: 'POST',
  protocol: 'http',
  direction: 'inbound',
  metadata: { key: 'k', partition: 3 },
  payload: '{"a":1}',
  contentType: 'application/json',
  payloadEncoding: 'base64',
  headers: { 'X-One': 'a', 'x-many': ['a', 'b'], 'x-bytes': { base64: 'AAH/' } },
  priority: -7,
  maxRetries: 0,
  timeoutSeconds: 17,
  scheduledAt: new Date('2031-02-03T04:05:06.789Z'),
  parentJobId: 'parent',
  dedupeKey: 'dedupe',
  uniqueKey: 'unique',
  tenantId: 'tenant',
  createdBy: 'somebody',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  correlationId: 'correlation',
} satisfies Partial<NewJob>

export const insertSuite = storeSuite('inserting jobs', (bed) => {
  it('stores every column', async () => {
    const job = newJob(FULL)
    expect(await insert(bed.store, job)).toEqual(['stored'])
    const { dedupeKey, uniqueKey, ...readable } = FULL
    expect(await bed.store.findJob(job.id)).toMatchObject({ ...readable, status: 'scheduled' })
    expect(await rowOf(bed.database, job.id)).toMatchObject({
      dedupekey: dedupeKey,
      uniquekey: uniqueKey,
    })
  })

  it('gives what is left out the defaults of the columns', async () => {
    const job = newJob()
    await insert(bed.store, job)
    const stored = await bed.store.findJob(job.id)
    const nothing = { payload: null, headers: null, metadata: null, maxRetries: null }
    expect(stored).toMatchObject({
      ...nothing,
      timeoutSeconds: null,
      queue: 'default',
      type: 'manual',
      direction: 'internal',
      status: 'pending',
      priority: 0,
      retryCount: 0,
      progress: { current: 0, total: 100, message: null },
      version: 1,
    })
    expect(Math.abs(stored!.createdAt.getTime() - Date.now())).toBeLessThan(10_000)
  })

  it('answers in the order of the jobs, and names the job that stands in the way', async () => {
    const first = newJob({ dedupeKey: 'd' })
    const second = newJob({ uniqueKey: 'u' })
    await insert(bed.store, first, second)
    const fresh = newJob({ dedupeKey: 'other', uniqueKey: 'other' })
    const jobs = [newJob({ uniqueKey: 'u' }), fresh, newJob({ dedupeKey: 'd', uniqueKey: 'free' })]
    expect(await bed.store.insertJobs({ jobs, again: false })).toEqual([
      { outcome: 'duplicate', jobId: second.id },
      { outcome: 'stored', jobId: fresh.id },
      { outcome: 'duplicate', jobId: first.id },
    ])
    expect(await count(bed.database, 'queue_jobs')).toBe(3)
  })

  it('finds duplicates within one batch', async () => {
    const jobs = [newJob({ dedupeKey: 'd' }), newJob(), newJob({ dedupeKey: 'd' })]
    expect(await bed.store.insertJobs({ jobs, again: false })).toEqual([
      { outcome: 'stored', jobId: jobs[0]!.id },
      { outcome: 'stored', jobId: jobs[1]!.id },
      { outcome: 'duplicate', jobId: jobs[0]!.id },
    ])
  })

  it('stores one of many that come at once with the same key', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, () => insert(bed.store, newJob(), newJob({ dedupeKey: 'once' }))),
    )
    expect(all.filter(([, outcome]) => outcome === 'stored')).toHaveLength(1)
    expect(await count(bed.database, 'queue_jobs')).toBe(21)
  })

  it('refuses an id that is taken', async () => {
    const job = newJob({ dedupeKey: 'a' })
    await insert(bed.store, job)
    expect(await codeOf(insert(bed.store, { ...job, dedupeKey: 'b' }))).toBe('database_constraint')
    expect(await rowOf(bed.database, job.id)).toMatchObject({ dedupekey: 'a' })
  })

  it('refuses a batch that names one id twice, and stores nothing of it', async () => {
    const job = newJob({ payload: 'first' })
    const batch = insert(bed.store, job, newJob(), { ...job, payload: 'second' })
    expect(await codeOf(batch)).toBe('database_constraint')
    expect(await count(bed.database, 'queue_jobs')).toBe(0)
  })

  it('takes a row under its own id for stored when nobody knows whether it was committed', async () => {
    const kept = newJob({ dedupeKey: 'a', payload: 'as it was' })
    await insert(bed.store, kept)
    const jobs = [kept, newJob(), newJob({ dedupeKey: 'a' })]
    expect(await bed.store.insertJobs({ jobs, again: true })).toEqual([
      { outcome: 'stored', jobId: kept.id },
      { outcome: 'stored', jobId: jobs[1]!.id },
      { outcome: 'duplicate', jobId: kept.id },
    ])
    expect(await count(bed.database, 'queue_jobs')).toBe(2)
  })

  it('takes keys that differ by case, trailing space or accent for different keys', async () => {
    const keys = ['Ab', 'ab', 'Ab ', 'Ab  ', 'Áb', '\u0041\u0301b', '']
    const jobs = keys.flatMap((key) => [newJob({ dedupeKey: key }), newJob({ uniqueKey: key })])
    expect(new Set(await insert(bed.store, ...jobs))).toEqual(new Set(['stored']))
    const again = jobs.map((job) => newJob({ dedupeKey: job.dedupeKey, uniqueKey: job.uniqueKey }))
    expect(await bed.store.insertJobs({ jobs: again, again: false })).toEqual(
      jobs.map(({ id }) => ({ outcome: 'duplicate', jobId: id })),
    )
  })

  it('refuses a key that is too long, even where only spaces are over', async () => {
    const key = 'k'.repeat(255)
    expect(await insert(bed.store, newJob({ dedupeKey: key }))).toEqual(['stored'])
    for (const long of [`${key}k`, `${key} `]) {
      expect(await codeOf(insert(bed.store, newJob({ dedupeKey: long })))).toBe('database_data')
      expect(await codeOf(insert(bed.store, newJob({ uniqueKey: long })))).toBe('database_data')
    }
    expect(await codeOf(insert(bed.store, newJob({ id: `${'i'.repeat(64)} ` })))).toBe(
      'database_data',
    )
  })

  it('keeps characters of four bytes, and texts that look like syntax', async () => {
    const texts = ['😀 𝒳 é', 'NULL', '', '{}', '{a,b}', '"', '\\', "'; DROP TABLE jobs; --", ',']
    const jobs = texts.map((text) =>
      newJob({ name: text, payload: text, headers: { [text]: text }, metadata: { [text]: text } }),
    )
    await insert(bed.store, ...jobs)
    for (const { id, name, payload, headers, metadata } of jobs) {
      expect(await bed.store.findJob(id)).toMatchObject({ name, payload, headers, metadata })
    }
  })

  const unstorable: readonly Partial<NewJob>[] = ['\0', 'a\ud800', '\udc00b'].flatMap((text) => [
    { payload: text },
    { name: text },
    { dedupeKey: text },
    { handler: text },
    { metadata: { deep: [{ text }] } },
    { headers: { [text]: 'a' } },
  ])
  it.each(unstorable)('refuses %j, and the batch that it is in', async (columns) => {
    expect(await codeOf(insert(bed.store, newJob(columns)))).toBe('database_data')
    expect(await codeOf(insert(bed.store, newJob(), newJob(columns)))).toBe('database_data')
    expect(await count(bed.database, 'queue_jobs')).toBe(0)
  })

  it.each<Partial<NewJob>>([
    { priority: 2 ** 31 },
    { priority: 0.5 },
    { delayMs: Number.NaN },
    { delayMs: Infinity },
    { scheduledAt: new Date(Number.NaN) },
    { handler: 'h'.repeat(256) },
  ])('refuses %o', async (columns) => {
    expect(await codeOf(insert(bed.store, newJob(columns)))).toBe('database_data')
  })

  it('stores 10 MB', async () => {
    const job = newJob({ payload: '€uro-'.repeat(1_500_000) })
    await insert(bed.store, job)
    expect((await bed.store.findJob(job.id))!.payload).toBe(job.payload)
  })

  it('keeps JSON as it was', async () => {
    const metadata = JSON.parse(`{"__proto__": 1, "": "", "deep": [[[{"a": null}]]], "n": 1e21,
      "i": 9007199254740991, "f": 0.1, "t": true, "e": {}, "l": [], "s": "\\"\\\\ \\u2028"}`) as object
    const job = newJob({ metadata: metadata as NonNullable<NewJob['metadata']>, headers: {} })
    await insert(bed.store, job)
    const stored = await bed.store.findJob(job.id)
    expect(Object.entries(stored!.metadata!).sort()).toEqual(Object.entries(metadata).sort())
    expect(stored!.headers).toEqual({})
  })

  it('lets what is due later wait, by the clock of the database', async () => {
    const hour = 3_600_000
    const jobs: readonly (readonly [NewJob, string])[] = [
      [newJob({ delayMs: hour }), 'scheduled'],
      [newJob({ delayMs: 0 }), 'pending'],
      [newJob({ delayMs: -5 }), 'pending'],
      [newJob({ scheduledAt: new Date(Date.now() + hour) }), 'scheduled'],
      [newJob({ scheduledAt: new Date(Date.now() - hour) }), 'pending'],
    ]
    await insert(bed.store, ...jobs.map(([job]) => job))
    for (const [job, status] of jobs) {
      expect(await bed.store.findJob(job.id)).toMatchObject({ status })
    }
    const { scheduledAt, createdAt } = (await bed.store.findJob(jobs[0]![0].id))!
    expect(Math.abs(scheduledAt!.getTime() - createdAt.getTime() - hour)).toBeLessThan(1_000)
  })

  it('stores a message that cannot run as a dead letter, which nothing claims', async () => {
    const dead = { reason: 'input_invalid', error: 'no total' }
    const job = newJob({ dead, payload: 'AAH/', payloadEncoding: 'base64' })
    const later = newJob({ dead, scheduledAt: new Date('2999-01-01T00:00:00Z') })
    await insert(bed.store, job, later)
    for (const { id } of [job, later]) {
      expect(await bed.store.findJob(id)).toMatchObject({
        status: 'failed',
        deadReason: 'input_invalid',
        lastError: 'no total',
      })
    }
    expect(await bed.store.claim(CLAIM)).toEqual([])
  })

  it('stores a thousand rows in one call, in their order', async () => {
    const jobs = newJobs(1_000)
    expect(new Set(await insert(bed.store, ...jobs))).toEqual(new Set(['stored']))
    const claimed = await bed.store.claim({ ...CLAIM, limit: 1_000 })
    expect(claimed.map(({ jobId }) => jobId)).toEqual(jobs.map(({ id }) => id))
    expect(await insert(bed.store)).toEqual([])
  })

  it('stores of large groups what is new, however often keys are taken, and refuses an id that is', async () => {
    await insert(bed.store, newJob({ dedupeKey: 'd7' }), newJob({ uniqueKey: 'u9' }))
    for (let round = 0; round < 3; round += 1) {
      const jobs = newJobs(200).map((job, index) => ({
        ...job,
        // A third of them once, the others in each round.
        dedupeKey: index % 3 === 0 ? `d${index}-${round}` : `d${index}`,
        ...(index === 9 && { uniqueKey: 'u9' }),
      }))
      const outcomes = await bed.store.insertJobs({ jobs, again: false })
      const stored = outcomes.flatMap(({ outcome }, index) => (outcome === 'stored' ? [index] : []))
      const fresh = Array.from({ length: 200 }, (_, index) => index).filter(
        (index) => index !== 7 && index !== 9 && (round === 0 || index % 3 === 0),
      )
      expect(stored).toEqual(fresh)
    }
    const before = await count(bed.database, 'queue_jobs')
    const [taken] = newJobs(1)
    await insert(bed.store, taken!)
    const jobs = [...newJobs(150), taken!]
    expect(await codeOf(bed.store.insertJobs({ jobs, again: false }))).toBe('database_constraint')
    const outcomes = await bed.store.insertJobs({ jobs, again: true })
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['stored']))
    expect(await count(bed.database, 'queue_jobs')).toBe(before + 151)
  })

  it('never fails because a key was freed while it was inserting', async () => {
    const done = new AbortController()
    const claims = (async () => {
      while (!done.signal.aborted) await bed.store.claim(CLAIM)
    })()
    const one = (): Promise<readonly string[]> =>
      insert(bed.store, newJob(), newJob({ uniqueKey: 'busy' }))
    const writers = Array.from({ length: 4 }, async () => {
      for (let round = 0; round < 40; round += 1) expect((await one())[0]).toBe('stored')
    })
    await Promise.all(writers).finally(() => done.abort())
    await claims
  })
})
