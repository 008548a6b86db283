import { describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Job } from '../../../src/domain/job.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { someJob } from '../http/memory-jobs.ts'
import { storeErrors } from './fake-store.ts'
import { seen, setUp, type Add } from './sink-set-up.ts'

describe('a message', () => {
  it('becomes a row, with all that is known of it', async () => {
    const { deliver, rows } = setUp({
      subscription: { handler: 'order', maxRetries: 7, timeoutSeconds: 9 },
    })
    const delivery = await deliver({
      body: '{"total": 1.50}',
      contentType: 'application/json',
      headers: { 'X-Shop': 'a' },
      identity: 'anonymous/1',
      key: 'k',
      facts: { path: '/in/order', partition: 3 },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      correlationId: 'c',
    })
    expect(delivery).toEqual({ outcome: 'stored', jobId: 'id-1', status: 'pending' })
    expect(rows).toEqual([
      {
        id: 'id-1',
        handler: 'order',
        type: 'integration',
        direction: 'inbound',
        protocol: 'http',
        method: 'POST',
        queue: 'orders',
        priority: 3,
        maxRetries: 7,
        timeoutSeconds: 9,
        // As sent, not as parsed.
        payload: '{"total": 1.50}',
        contentType: 'application/json',
        headers: { 'X-Shop': 'a' },
        metadata: { subscription: 'in', path: '/in/order', partition: 3, key: 'k' },
        dedupeKey: 'in:anonymous/1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        correlationId: 'c',
      },
    ])
  })

  it('goes by its subscription before its handler', async () => {
    const { deliver, rows } = setUp({
      subscription: { handler: 'order', queue: 'express', priority: 0 },
    })
    await deliver({ body: '{"total":1}' })
    expect(rows[0]).toMatchObject({ queue: 'express', priority: 0 })
  })

  it('without an identity has no inbox key', async () => {
    const { deliver, rows } = setUp()
    await deliver({})
    expect(rows[0]?.dedupeKey).toBeUndefined()
  })

  it('of a handler that is elsewhere is stored unchecked', async () => {
    const { deliver, rows } = setUp({ subscription: { handler: 'elsewhere' } })
    expect(await deliver({ body: 'no JSON' })).toMatchObject({ outcome: 'stored' })
    expect(rows[0]?.handler).toBe('elsewhere')
  })

  it('of no subscription is a mistake', async () => {
    const { deliver } = setUp()
    await expect(deliver({ subscription: 'other' })).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('a payload', () => {
  const bytes = Uint8Array.of(0xff, 0xfe, 0, 1)

  it.each([
    ['json', '{"ä":1}', { ä: 1 }, undefined, undefined],
    ['text', 'Grüße', 'Grüße', 'text/plain; charset=utf-8', undefined],
    [
      'text',
      '{"looks":"like JSON"}',
      '{"looks":"like JSON"}',
      'text/plain; charset=utf-8',
      undefined,
    ],
    ['text', '\uFEFFmarked', '\uFEFFmarked', 'text/plain; charset=utf-8', undefined],
    ['binary', bytes, Buffer.from(bytes), 'application/octet-stream', 'base64'],
    ['binary', '[1]', Buffer.from('[1]'), 'application/octet-stream', 'base64'],
  ] as const)(
    'of a %s subscription without a content type is what was sent: %s',
    async (contentType, body, value, storedType, encoding) => {
      const { deliver, rows } = setUp({ subscription: { contentType } })
      await deliver({ body })
      expect(rows[0]?.contentType).toBe(storedType)
      expect(rows[0]?.payloadEncoding).toBe(encoding)
      expect(seen(rows[0])).toEqual(value)
    },
  )

  it('keeps the content type that it came with', async () => {
    const { deliver, rows } = setUp({ subscription: { contentType: 'binary' } })
    await deliver({ body: bytes, contentType: 'image/png' })
    expect(rows[0]?.contentType).toBe('image/png')
  })

  it.each([
    ['NUL', 'a\0b', 'a\0b'],
    ['invalid UTF-8', Uint8Array.of(0x61, 0xff), undefined],
  ])('with %s is kept byte for byte', async (_, body, text) => {
    const { deliver, rows } = setUp({ subscription: { contentType: 'text' } })
    await deliver({ body })
    expect(rows[0]?.payloadEncoding).toBe('base64')
    expect(Buffer.from(rows[0]?.payload ?? '', 'base64')).toEqual(Buffer.from(body))
    if (text !== undefined) expect(seen(rows[0])).toBe(text)
  })

  it('is the view that the adapter gave, not the buffer behind it', async () => {
    const { deliver, rows } = setUp({ subscription: { contentType: 'text' } })
    await deliver({ body: Buffer.from('....inside....').subarray(4, 10) })
    expect(rows[0]?.payload).toBe('inside')
  })
})

describe('a message whose inbox key is there already', () => {
  const duplicate: Add = async () => ({ outcome: 'duplicate', jobId: 'first' })
  const jobWith = (metadata: Job['metadata']) => async () => someJob({ id: 'first', metadata })

  it.each([
    ['the same body', { body_sha256: 'abc' }, 'abc', true],
    ['another body', { body_sha256: 'abc' }, 'def', false],
    ['a body that is not known any more', {}, 'abc', undefined],
    ['no metadata', null, 'abc', undefined],
    ['a hash of another kind', { body_sha256: 7 }, 'abc', false],
    ['a sender who need not know', { body_sha256: 'abc' }, undefined, undefined],
  ])('says of %s whether it is the same', async (_, metadata, bodySha256, sameBody) => {
    const { deliver } = setUp({ add: duplicate, findJob: jobWith(metadata) })
    const delivery = await deliver({ identity: '1', bodySha256 })
    expect(delivery).toEqual({ outcome: 'duplicate', jobId: 'first', status: 'pending', sameBody })
  })

  it('says nothing of it while the row cannot be read', async () => {
    const findJob = () => Promise.reject(storeErrors.away())
    const { deliver } = setUp({ add: duplicate, findJob })
    expect(await deliver({ identity: '1', bodySha256: 'abc' })).toEqual({
      outcome: 'duplicate',
      jobId: 'first',
    })
  })

  it('has the hash of its body in its metadata, also as a dead letter', async () => {
    const { deliver, rows } = setUp({ subscription: { handler: 'order' } })
    await deliver({ body: '{"total":1}', bodySha256: 'abc' })
    await deliver({ body: '{"total":', bodySha256: 'def' }, { onInvalid: 'dead' })
    expect(rows.map(({ metadata }) => metadata?.['body_sha256'])).toEqual(['abc', 'def'])
  })
})

describe('a message that its handler’s input refuses', () => {
  it('is not stored where its sender waits for the answer', async () => {
    const { deliver, rows } = setUp({ subscription: { handler: 'order' } })
    const delivery = await deliver({ body: '{"total":"much"}' })
    expect(delivery).toMatchObject({ outcome: 'invalid', problems: [{ path: 'total' }] })
    expect(rows).toEqual([])
  })

  it('is a dead letter where its sender is gone, with its bytes', async () => {
    const { deliver, rows } = setUp({ subscription: { handler: 'order' } })
    const delivery = await deliver(
      { body: '{"total":', contentType: 'application/json', identity: '1', method: 'a\0b' },
      { onInvalid: 'dead' },
    )
    expect(delivery).toEqual({ outcome: 'dead', jobId: 'id-2' })
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      handler: 'order',
      contentType: 'application/octet-stream',
      payloadEncoding: 'base64',
      metadata: { subscription: 'in' },
      dedupeKey: 'in:1',
      dead: { reason: 'invalid' },
    })
    expect(Buffer.from(rows[0]?.payload ?? '', 'base64').toString()).toBe('{"total":')
    expect(rows[0]?.method).not.toContain('\0')
    expect(rows[0]?.headers).toBeUndefined()
  })
})

describe('a message whose data the database refuses', () => {
  const refuseLiving: Add = async (job) => {
    if (job.dead === undefined) throw storeErrors.data()
    return { outcome: 'stored', jobId: job.id }
  }

  it.each(['reject', 'dead'] as const)(
    'is a dead letter with its raw bytes, with onInvalid %s too',
    async (onInvalid) => {
      const { deliver, rows } = setUp({ add: refuseLiving })
      const delivery = await deliver(
        { body: '{"a":"\\u0000"}', headers: { x: 'a\0' }, identity: '1' },
        { onInvalid },
      )
      expect(delivery).toEqual({ outcome: 'dead', jobId: 'id-2' })
      expect(rows[1]).toMatchObject({ dedupeKey: 'in:1', dead: { reason: 'not_storable' } })
      expect(rows[1]?.dead?.error).toContain('no column')
      expect(Buffer.from(rows[1]?.payload ?? '', 'base64').toString()).toBe('{"a":"\\u0000"}')
    },
  )

  it('is a duplicate when its dead letter is there already', async () => {
    const { deliver } = setUp({
      add: async (job) => {
        if (job.dead === undefined) throw storeErrors.data()
        return { outcome: 'duplicate', jobId: 'buried earlier' }
      },
    })
    expect(await deliver({ identity: '1' }, { onInvalid: 'dead' })).toEqual({
      outcome: 'duplicate',
      jobId: 'buried earlier',
    })
  })

  it.each(['database_unavailable', 'database_locked', 'instance_stopping'] as const)(
    'is not one that met %s: nothing is acknowledged',
    async (code) => {
      const { deliver, rows } = setUp({
        add: async () => {
          throw new CrossdockError(code, 'no')
        },
      })
      await expect(deliver({}, { onInvalid: 'dead' })).rejects.toMatchObject({ code })
      expect(rows).toHaveLength(1)
    },
  )
})

describe('a message that is too large for a row', () => {
  const refuseLarge: Add = async (job) => {
    if ((job.payload ?? '').length > 5) throw new CrossdockError('payload_too_large', 'too large')
    return { outcome: 'stored', jobId: job.id }
  }

  it('is told to a sender who waits for the answer', async () => {
    const { deliver } = setUp({ add: refuseLarge })
    await expect(deliver({ body: '"large"' })).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  it('is a dead letter without its body where its sender is gone', async () => {
    const { deliver, rows } = setUp({ add: refuseLarge })
    const delivery = await deliver(
      { body: '"large"', identity: '1', facts: { partition: 3, offset: 17 } },
      { onInvalid: 'dead' },
    )
    expect(delivery).toEqual({ outcome: 'dead', jobId: 'id-2' })
    expect(rows[1]).toMatchObject({
      dedupeKey: 'in:1',
      dead: { reason: 'too_large' },
      metadata: { subscription: 'in', partition: 3, offset: 17, bytes: 7 },
    })
    expect(rows[1]?.metadata?.['sha256']).toMatch(/^[0-9a-f]{64}$/)
    expect(rows[1]?.payload).toBeUndefined()
  })

  it('takes no other message of its delivery along', async () => {
    const { sink } = setUp({ add: refuseLarge })
    const small: InboundMessage = {
      protocol: 'http',
      subscription: 'in',
      method: 'POST',
      headers: {},
      body: Buffer.from('1'),
    }
    const large = { ...small, body: Buffer.from('"large"') }
    expect(await sink.deliver([small, large, small], { onInvalid: 'reject' })).toMatchObject([
      { outcome: 'stored' },
      { outcome: 'refused', error: { code: 'payload_too_large' } },
      { outcome: 'stored' },
    ])
  })
})

describe('a duplicate', () => {
  const duplicate: Add = async () => ({ outcome: 'duplicate', jobId: 'earlier' })

  it('is told with the id and the status of the job that is there', async () => {
    const { deliver } = setUp({
      add: duplicate,
      findJob: async (id) => ({ id, status: 'completed' }) as Job,
    })
    expect(await deliver({ identity: '1' })).toEqual({
      outcome: 'duplicate',
      jobId: 'earlier',
      status: 'completed',
    })
  })

  it('is acknowledged too when its row cannot be read just now', async () => {
    const { deliver } = setUp({
      add: duplicate,
      findJob: async () => {
        throw storeErrors.away()
      },
    })
    expect(await deliver({ identity: '1' })).toEqual({
      outcome: 'duplicate',
      jobId: 'earlier',
      status: undefined,
    })
  })
})

describe('several messages', () => {
  const message: InboundMessage = {
    protocol: 'http',
    subscription: 'in',
    method: 'POST',
    headers: {},
    body: Buffer.from('{"total": 1}'),
  }

  it('are answered in order, whichever is committed first', async () => {
    const waits = [20, 0, 10]
    const { sink } = setUp({
      add: async (job) => {
        await new Promise((resolve) => setTimeout(resolve, waits.shift()))
        return { outcome: 'stored', jobId: job.id }
      },
    })
    const deliveries = await sink.deliver([message, message, message], { onInvalid: 'dead' })
    expect(deliveries).toMatchObject([{ jobId: 'id-1' }, { jobId: 'id-2' }, { jobId: 'id-3' }])
  })

  it('of one delivery are one batch, also those that are invalid', async () => {
    const { sink, batches } = setUp({ subscription: { handler: 'order' } })
    const invalid = { ...message, body: Buffer.from('no JSON') }
    for (let delivery = 0; delivery < 2; delivery += 1) {
      await sink.deliver([message, invalid, message], { onInvalid: 'dead' })
    }
    const [first, , , second] = batches
    expect(first).toBeInstanceOf(Object)
    expect(first).not.toBe(second)
    for (const [index, batch] of batches.entries()) expect(batch).toBe(index < 3 ? first : second)
    expect(batches).toHaveLength(6)
  })

  it('go in their order, however long the schema of their handler takes', async () => {
    const waits = [20, 0]
    const { sink, rows } = setUp({
      subscription: { handler: 'order' },
      parseInput: async () => {
        await new Promise((resolve) => setTimeout(resolve, waits.shift()))
        return { ok: true, value: undefined }
      },
    })
    await sink.deliver([message, message], { onInvalid: 'dead' })
    expect(rows.map(({ id }) => id)).toEqual(['id-1', 'id-2'])
  })
})
