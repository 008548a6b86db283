import { expect, it } from 'vitest'
import { defineHandler, PermanentError } from '../../../src/index.ts'
import { until } from '../worker/harness.ts'
import type { OutboundBed } from './harness.ts'

const greet = defineHandler({
  name: 'greet',
  run: async ({ publish, tx }) => {
    await tx.sql`select 1`
    return await publish('kafka:greetings', {
      key: 'a',
      payload: { hello: 'world' },
      headers: { 'x-kind': 'greeting' },
      correlationId: 'c-1',
    })
  },
})

const failing = defineHandler({
  name: 'failing',
  run: async ({ publish }) => {
    await publish('kafka:greetings', { payload: 1 })
    throw new PermanentError('after all')
  },
})

const misspelt = defineHandler({
  name: 'misspelt',
  run: ({ publish }) => publish('kafka:greeting', { payload: 1 }),
})

/** What publishing is, on any database. */
export function publishingSuite(bed: OutboundBed): void {
  const run = (handler: string): Promise<unknown> =>
    bed.database.sql(`INSERT INTO queue_jobs (id, handler) VALUES ('${handler}', '${handler}')`)
  const job = async (id: string): Promise<Readonly<Record<string, unknown>>> =>
    (await bed.database.sql(`SELECT * FROM queue_jobs WHERE id = '${id}'`))[0] ?? {}
  const allEnded = (count: number): Promise<unknown> =>
    until(async () => {
      const rows = await bed.outbound()
      return (
        rows.length === count && rows.every((row) => [3, 4, 6].includes(Number(row['statusid'])))
      )
    }, `${count} messages that have ended`)

  it('goes out with the completion of its job, and carries its id', async () => {
    await bed.start(
      {
        greetings: {
          topic: 'to/{{ payload.hello }}',
          headers: { 'x-kind': 'over', 'x-len': '{{ $length(payload.hello) }}' },
          options: { nested: [{ id: '{{ id }}' }], fixed: 7 },
        },
      },
      { handlers: [greet] },
    )
    await run('greet')
    await allEnded(1)
    const [row] = await bed.outbound()
    expect(row).toMatchObject({ statusid: 3, result: '{"published":true}', parentjobid: 'greet' })
    expect(bed.far.received).toEqual([
      {
        id: row?.['id'],
        publication: 'greetings',
        payload: '{"hello":"world"}',
        contentType: 'application/json',
        key: 'a',
        headers: {
          'x-kind': 'over',
          'x-len': '5',
          'idempotency-key': row?.['id'],
          'correlation-id': 'c-1',
        },
        target: { topic: 'to/world', options: { nested: [{ id: row?.['id'] }], fixed: 7 } },
        attempt: 1,
      },
    ])
    const [history] = await bed.database.sql(
      `SELECT outputdata FROM job_histories WHERE jobid = '${String(row?.['id'])}'`,
    )
    expect(history).toEqual({ outputdata: 'taken' })
    expect(JSON.parse(String((await job('greet'))['result']))).toEqual({ id: row?.['id'] })
  })

  it('of a job that fails does not happen', async () => {
    await bed.start({ greetings: {} }, { handlers: [failing] })
    await run('failing')
    await until(async () => (await job('failing'))['statusid'] === 4, 'the job has failed')
    expect(await bed.outbound()).toEqual([])
  })

  it('to an address that is not there fails at once, with what was meant', async () => {
    await bed.start({ greetings: {} }, { handlers: [misspelt] })
    await run('misspelt')
    await until(async () => (await job('misspelt'))['statusid'] === 4, 'the job has failed')
    expect(await job('misspelt')).toMatchObject({
      deadreason: 'publication_unknown',
      lasterror: "there is no publication 'kafka:greeting'; did you mean 'kafka:greetings'?",
      retrycount: 0,
    })
  })

  it('is tried again, and stops where the far side refuses for good', async () => {
    await bed.start({ greetings: { max_retries: 2, breaker: { failures: 100 } } })
    bed.far.answer(({ payload, attempt }) => {
      const { n } = JSON.parse(payload) as { n: number }
      if (n === 1) {
        return { outcome: 'refused', error: 'no such thing', permanent: true, answer: '410' }
      }
      if (n === 2) return { outcome: 'refused', error: 'not now', permanent: false, answer: '503' }
      return attempt < 3 ? 'break' : { outcome: 'published' }
    })
    await bed.insert('greetings', [{ n: 1 }])
    await allEnded(1)
    await bed.insert('greetings', [{ n: 2 }])
    await allEnded(2)
    await bed.insert('greetings', [{ n: 3 }])
    await allEnded(3)
    expect(await bed.outbound()).toMatchObject([
      { statusid: 4, deadreason: 'refused', lasterror: 'no such thing', retrycount: 0 },
      { statusid: 4, deadreason: 'retries_exhausted', lasterror: 'not now', retrycount: 2 },
      { statusid: 3, retrycount: 2 },
    ])
    const third = bed.far.received.filter(({ payload }) => payload === '{"n":3}')
    expect(third.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(new Set(third.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  it('keeps the order of a key over failures, and of nothing else', async () => {
    await bed.start({ greetings: { max_retries: 20, breaker: { failures: 1_000 } } })
    const failed = new Set<string>()
    bed.far.answer(({ id }) => {
      // Every message fails once, half of them without an answer.
      if (failed.has(id)) return { outcome: 'published' }
      failed.add(id)
      return failed.size % 10 === 0
        ? 'break'
        : { outcome: 'refused', error: 'once', permanent: false }
    })
    const rows = Array.from({ length: 40 }, (_, n) => ({ n, key: `key ${n % 4}` }))
    await bed.insert('greetings', rows)
    await allEnded(40)
    for (const key of new Set(rows.map((row) => row.key))) {
      const order = bed.far.received.filter((one) => one.key === key).map(({ payload }) => payload)
      const firsts = [...new Set(order)]
      expect(firsts).toEqual(rows.filter((row) => row.key === key).map(({ n }) => `{"n":${n}}`))
      // A message that was tried again was not overtaken meanwhile.
      expect(order).toEqual(firsts.flatMap((one) => order.filter((other) => other === one)))
    }
    expect((await bed.outbound()).every((row) => row['statusid'] === 3)).toBe(true)
  })

  it('to a target that hangs holds up no other', async () => {
    await bed.start({ slow: { timeout_ms: 60_000 }, quick: {} }, { jobs: { workers: 1 } })
    bed.far.answer(({ publication }) =>
      publication === 'slow' ? 'hang' : { outcome: 'published' },
    )
    await bed.insert(
      'slow',
      Array.from({ length: 150 }, (_, n) => ({ n })),
    )
    await until(() => bed.far.mostAtOnce('slow') === 100, 'all of its places hang')
    await bed.insert(
      'quick',
      Array.from({ length: 20 }, (_, n) => ({ n })),
    )
    await until(
      async () =>
        (await bed.outbound()).filter((row) => row['method'] === 'quick' && row['statusid'] === 3)
          .length === 20,
      'the quick ones are there',
      5_000,
    )
  })

  it('whose template fails is a dead letter that says so', async () => {
    await bed.start({ greetings: { topic: 'to/{{ payload.nobody }}' } })
    await bed.insert('greetings', [{ n: 1 }])
    await allEnded(1)
    expect(await bed.outbound()).toMatchObject([{ statusid: 4, deadreason: 'template_failed' }])
    expect(bed.far.received).toEqual([])
  })

  it('waits while the far side is away, and costs no attempt', async () => {
    const instance = await bed.start({ greetings: { max_retries: 0 } })
    await bed.far.goAway()
    await until(async () => {
      const { publications } = (await instance.status()) as {
        publications: { connected: boolean }[]
      }
      return publications[0]?.connected === false
    }, 'the connection is away')
    await bed.insert(
      'greetings',
      Array.from({ length: 50 }, (_, n) => ({ n })),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(bed.far.received).toEqual([])
    const waiting = await bed.outbound()
    expect(waiting.every((row) => row['statusid'] === 0 && row['retrycount'] === 0)).toBe(true)
    // What is counted is good for a second.
    const status = await until(async () => {
      const now = (await instance.status()) as { publications: { waiting: number }[] }
      return now.publications[0]?.waiting === 50 && now
    }, 'the status counts them')
    expect(status).toMatchObject({
      status: 'degraded',
      publications: [{ address: 'kafka:greetings', connected: false, inFlight: 0 }],
    })
    await bed.far.comeBack()
    await allEnded(50)
    const sent = await bed.outbound()
    expect(sent.every((row) => row['statusid'] === 3 && row['retrycount'] === 0)).toBe(true)
  })

  it('of what never left is no attempt, however often that happens', async () => {
    await bed.start({ greetings: { max_retries: 0, breaker: { open: '100ms' } } })
    let asked = 0
    bed.far.answer(() => {
      asked += 1
      return asked <= 15 ? { outcome: 'unsent', error: 'still starting' } : { outcome: 'published' }
    })
    await bed.insert('greetings', [{ n: 1 }])
    await allEnded(1)
    const [row] = await bed.outbound()
    expect(row).toMatchObject({ statusid: 3, retrycount: 0, lasterror: 'still starting' })
    expect(asked).toBe(16)
    // An absence of hours must not fill the history.
    expect(
      await bed.database.sql(
        `SELECT statusid FROM job_histories WHERE jobid = '${String(row?.['id'])}'`,
      ),
    ).toEqual([{ statusid: 3 }])
  })

  it('leaves a far side alone that fails again and again, until one message succeeds', async () => {
    const instance = await bed.start({
      greetings: { max_retries: 50, max_in_flight: 1, breaker: { failures: 3, open: '400ms' } },
    })
    const at: number[] = []
    bed.far.answer(() => {
      at.push(performance.now())
      return at.length < 5
        ? { outcome: 'refused', error: 'overloaded', permanent: false }
        : { outcome: 'published' }
    })
    const all = Array.from({ length: 10 }, (_, n) => ({ n }))
    await bed.insert('greetings', all)
    await until(async () => {
      const status = (await instance.status()) as { publications: { breaker: string }[] }
      return status.publications[0]?.breaker === 'open'
    }, 'it rests')
    await allEnded(10)
    const pauses = at.map((each, index) => each - (at[index - 1] ?? each))
    // Behind the third failure, and behind the one that tried and failed.
    expect(pauses[3]).toBeGreaterThanOrEqual(390)
    expect(pauses[4]).toBeGreaterThanOrEqual(390)
    expect((await bed.outbound()).every((row) => row['statusid'] === 3)).toBe(true)
    expect(bed.far.mostAtOnce('greetings')).toBe(1)
  })

  it('of a row in a queue of its own waits as well while the far side is away', async () => {
    await bed.start({ greetings: { max_retries: 0 } })
    await bed.far.goAway()
    await bed.database
      .sql(`INSERT INTO queue_jobs (direction, handler, protocol, method, payload, queue)
      VALUES ('outbound', 'outbound.publish', 'kafka', 'greetings', '1', 'special')`)
    await until(async () => (await bed.outbound())[0]?.['statusid'] === 7, 'it was given back')
    expect(await bed.outbound()).toMatchObject([{ retrycount: 0 }])
    await bed.far.comeBack()
    await allEnded(1)
    expect(await bed.outbound()).toMatchObject([{ statusid: 3, retrycount: 0 }])
  })

  it('is not the matter of an instance without workers', async () => {
    await bed.start({ greetings: {} }, { only: 'ingest' })
    await bed.insert('greetings', [{ n: 1 }])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(bed.far.connections()).toBe(0)
    expect(await bed.outbound()).toMatchObject([{ statusid: 0 }])
    await bed.start({ greetings: {} }, { only: 'worker' })
    await allEnded(1)
    expect(bed.far.connections()).toBe(1)
  })

  it('to an address that nobody has waits, and the status names it', async () => {
    const instance = await bed.start({ greetings: {} })
    await bed.insert('elsewhere', [{ n: 1 }])
    const row = await until(async () => {
      const [found] = await bed.outbound()
      return found?.['statusid'] === 7 && found
    }, 'it was given back')
    expect(row['lasterror']).toContain("no publication 'kafka:elsewhere' here")
    expect(row['retrycount']).toBe(0)
    await until(async () => {
      const status = (await instance.status()) as { missingPublications: string[] }
      return status.missingPublications.includes('kafka:elsewhere')
    }, 'the status names it')
  })

  it('holds a few of many rows while its target is slow', async () => {
    await bed.start({ greetings: { max_in_flight: 50 } })
    const release = Promise.withResolvers<undefined>()
    bed.far.answer(async () => {
      await release.promise
      return { outcome: 'published' }
    })
    for (let from = 0; from < 20_000; from += 2_000) {
      await bed.insert(
        'greetings',
        Array.from({ length: 2_000 }, (_, n) => ({ n: from + n })),
      )
    }
    await until(() => bed.far.received.length === 50, 'as many as may be on their way')
    const claimed = await bed.database.sql(
      'SELECT count(*) AS n FROM queue_jobs WHERE statusid = 2',
    )
    expect(Number(claimed[0]?.['n'])).toBeLessThanOrEqual(100)
    expect(bed.far.mostAtOnce('greetings')).toBe(50)
    bed.far.answer(() => ({ outcome: 'published' }))
    await bed.database.sql('DELETE FROM queue_jobs WHERE statusid = 0')
    release.resolve(undefined)
    await until(
      async () => (await bed.outbound()).every((row) => row['statusid'] === 3),
      'what was on its way is confirmed',
    )
  })

  it('is confirmed before the adapter ends, when the instance stops', async () => {
    const instance = await bed.start({ greetings: {} })
    const release = Promise.withResolvers<undefined>()
    bed.far.answer(async () => {
      await release.promise
      return { outcome: 'published' }
    })
    await bed.insert('greetings', [{ n: 1 }])
    await until(() => bed.far.received.length === 1, 'it is on its way')
    const stopped = instance.shutdown()
    setTimeout(() => {
      release.resolve(undefined)
    }, 200)
    await stopped
    expect(await bed.outbound()).toMatchObject([{ statusid: 3, retrycount: 0 }])
  })
}
