import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { message, reply, startFarSide, startPublisher } from './started-publisher.ts'

describe('an answer', () => {
  test('in the two hundreds confirms a message, and is kept', async () => {
    const far = await startFarSide(({ socket }) =>
      socket.write(
        reply(201, { headers: { location: '/x/1', 'set-cookie': 'a=b' }, body: 'made' }),
      ),
    )
    const { one } = await startPublisher(far.url)
    const result = await one({ headers: { traceparent: '00-a', 'X-Shop': 'Zoë' } })
    expect(result).toEqual({
      outcome: 'published',
      answer: '{"status":201,"headers":{"location":"/x/1"},"body":"made"}',
    })
    const text = far.requests[0]?.text ?? ''
    expect(text.split('\r\n')[0]).toBe('POST /in HTTP/1.1')
    expect(text).toMatch(/\r\nidempotency-key: job-1\r\n/)
    expect(text).toMatch(/\r\ntraceparent: 00-a\r\n/)
    expect(text).toMatch(/\r\ncontent-type: application\/json\r\n/)
    expect(Buffer.from(text, 'latin1').toString()).toContain('\r\nx-shop: Zoë\r\n')
    expect(text.endsWith('\r\n\r\n{"n":1}')).toBe(true)
  })

  test.each([
    [408, {}, { permanent: false }],
    [425, {}, { permanent: false }],
    [429, { 'retry-after': '7' }, { permanent: false, retryAfterMs: 7_000 }],
    [
      429,
      { date: 'Sun, 06 Nov 1994 08:49:00 GMT', 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' },
      { permanent: false, retryAfterMs: 37_000 },
    ],
    [500, {}, { permanent: false }],
    [502, {}, { permanent: false }],
    [503, { 'retry-after': '999999999' }, { permanent: false, retryAfterMs: 3_600_000 }],
    [503, { 'retry-after': '-1' }, { permanent: false }],
    [503, { 'retry-after': 'soon' }, { permanent: false }],
    [504, {}, { permanent: false }],
    [522, {}, { permanent: false }],
    [401, {}, { permanent: false }],
    [403, {}, { permanent: false }],
    [400, {}, { permanent: true }],
    [404, { 'retry-after': '7' }, { permanent: true }],
    [409, {}, { permanent: true }],
    [413, {}, { permanent: true }],
    [422, {}, { permanent: true }],
    [501, {}, { permanent: true }],
    [505, {}, { permanent: true }],
  ])('%i %o refuses a message: %o', async (status, headers, expected) => {
    const far = await startFarSide(({ socket }) =>
      socket.write(reply(status, { headers, body: 'no' })),
    )
    const { one } = await startPublisher(far.url)
    const result = await one()
    expect(result).toMatchObject({ outcome: 'refused', ...expected })
    expect('retryAfterMs' in result ? result.retryAfterMs : undefined).toBe(
      'retryAfterMs' in expected ? expected.retryAfterMs : undefined,
    )
    expect(result.outcome === 'refused' && result.error).toContain(`answered ${status}`)
    expect(result.outcome === 'refused' && JSON.parse(result.answer ?? '')).toMatchObject({
      status,
      body: 'no',
    })
  })

  test('is judged by the publication where it says so', async () => {
    const far = await startFarSide(({ socket }, index) =>
      socket.write(reply([404, 200, 418, 500][index] ?? 0)),
    )
    const { one } = await startPublisher(far.url, {
      publication: { success: [404], retry_on: [418] },
    })
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(await one()).toMatchObject({ outcome: 'refused', permanent: true })
    expect(await one()).toMatchObject({ outcome: 'refused', permanent: false })
    expect(await one()).toMatchObject({ outcome: 'refused', permanent: true })
  })

  test.each([301, 302, 303, 307, 308])('%i is not followed, and says so', async (status) => {
    const elsewhere = await startFarSide(({ socket }) => socket.write(reply(200)))
    const far = await startFarSide(({ socket }) =>
      socket.write(reply(status, { headers: { location: `${elsewhere.url}/steal` } })),
    )
    const { one } = await startPublisher(far.url, {
      connection: { auth: { type: 'bearer', token: 't' } },
    })
    const result = await one()
    expect(result).toMatchObject({ outcome: 'refused', permanent: true })
    expect(result.outcome === 'refused' && result.error).toContain('redirects are not followed')
    expect(elsewhere.sockets).toHaveLength(0)
  })

  test('comes after interim ones that nobody asked for', async () => {
    const far = await startFarSide(({ socket }) =>
      socket.write(
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${reply(202)}`,
      ),
    )
    const { one } = await startPublisher(far.url)
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(far.requests).toHaveLength(1)
  })

  test('that is none of HTTP, too large or another protocol leaves it open what became of the message', async () => {
    const answers = [
      'hello\r\n\r\n',
      `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`,
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ]
    const far = await startFarSide(({ socket }, index) => socket.write(answers[index] ?? ''))
    const { one } = await startPublisher(far.url)
    expect(await one()).toMatchObject({ outcome: 'unconfirmed' })
    expect(await one()).toMatchObject({ outcome: 'unconfirmed' })
    expect(await one()).toMatchObject({ outcome: 'unconfirmed' })
  })
})

describe('the body of an answer', () => {
  test('is kept up to the limit, and the connection is used again', async () => {
    const far = await startFarSide(({ socket }) =>
      socket.write(reply(200, { body: 'ä'.repeat(2_000) })),
    )
    const { one } = await startPublisher(far.url, { publication: { max_response_bytes: 5 } })
    const result = await one()
    expect(result).toEqual({
      outcome: 'published',
      answer: '{"status":200,"headers":{},"body":"ää","truncated":true}',
    })
    await one()
    expect(far.sockets).toHaveLength(1)
  })

  test('that never ends holds neither memory nor the connection', async () => {
    let written = 0
    const ended = Promise.withResolvers<void>()
    const far = await startFarSide(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk)) written += chunk.length
      }
      socket.on('drain', more)
      socket.once('close', () => ended.resolve())
      more()
    })
    const { one } = await startPublisher(far.url)
    const result = await one()
    expect(result.outcome).toBe('published')
    expect(result.outcome === 'published' && result.answer?.length).toBeLessThan(2_200)
    await ended.promise
    expect(written).toBeLessThan(20_000_000)
  })

  test('that comes drop by drop is not waited for beyond the time-out', async () => {
    const far = await startFarSide(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
      const drops = setInterval(() => socket.write('x'), 20)
      socket.once('close', () => clearInterval(drops))
    })
    const { one } = await startPublisher(far.url, { timeoutMs: 200 })
    const began = performance.now()
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  test.each([
    ['reset', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
    ['ended', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf'],
    ['garbage', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzzz\r\n'],
  ])('that is cut (%s) changes nothing: the status has said it', async (how, text) => {
    const far = await startFarSide(({ socket }) => {
      socket.write(text, () => {
        setTimeout(() => (how === 'reset' ? socket.resetAndDestroy() : socket.end()), 30)
      })
    })
    const { one } = await startPublisher(far.url)
    expect(await one()).toEqual({
      outcome: 'published',
      answer: '{"status":200,"headers":{},"body":"half","truncated":true}',
    })
  })

  test('that is no text is kept as base64', async () => {
    const far = await startFarSide(({ socket }) => socket.write(reply(200, { body: 'a\0b' })))
    const { one } = await startPublisher(far.url)
    expect(await one()).toMatchObject({
      answer: expect.stringContaining('"body_base64":"YQBi"') as string,
    })
  })
})

describe('a connection that was kept', () => {
  test('is used for the next message', async () => {
    const far = await startFarSide(({ socket }) => socket.write(reply(200)))
    const { one } = await startPublisher(far.url)
    await one()
    await one()
    expect(far.sockets).toHaveLength(1)
  })

  test('is not used once the far side has ended its half of it', async () => {
    const far = await startFarSide(({ socket }, index) => {
      socket.write(reply(200), () => index === 0 && socket.end())
    })
    const { one } = await startPublisher(far.url)
    await one()
    const [socket] = far.sockets
    if (socket?.readableEnded === false) await once(socket, 'end')
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(far.sockets).toHaveLength(2)
  })

  test('that breaks under the next message leaves that one unconfirmed', async () => {
    const far = await startFarSide(({ socket }, index) => {
      if (index === 0) socket.write(reply(200))
      else socket.resetAndDestroy()
    })
    const { one } = await startPublisher(far.url)
    await one()
    expect(await one()).toMatchObject({ outcome: 'unconfirmed' })
    expect(far.sockets).toHaveLength(1)
  })
})

describe('messages', () => {
  test('go side by side, as many as there may be connections, and each settles by itself', async () => {
    const waiting: (() => void)[] = []
    let most = 0
    const far = await startFarSide(({ socket, text }) => {
      const status = text.includes('job-2') ? 400 : 200
      waiting.push(() => socket.write(reply(status)))
      most = Math.max(most, waiting.length)
      if (waiting.length === 2) for (const answer of waiting.splice(0)) answer()
    })
    const { publish } = await startPublisher(far.url, { connection: { max_connections: 2 } })
    const ids = ['job-0', 'job-1', 'job-2', 'job-3', 'job-4', 'job-5']
    const results = await publish(ids.map((id) => message({ id })))
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'published',
      'published',
      'refused',
      'published',
      'published',
      'published',
    ])
    expect([most, far.sockets.length]).toEqual([2, 2])
  })

  test('whose wait is broken off are unconfirmed where they left, and unsent where they did not', async () => {
    const arrived = Promise.withResolvers<void>()
    const far = await startFarSide(() => arrived.resolve())
    const { publish, adapter } = await startPublisher(far.url, {
      connection: { max_connections: 1 },
    })
    const controller = new AbortController()
    const results = publish([message(), message({ id: 'job-2' })], controller.signal)
    await arrived.promise
    controller.abort()
    expect((await results).map(({ outcome }) => outcome)).toEqual(['unconfirmed', 'unsent'])
    expect(adapter.health().status).toBe('ok')
    expect(await publish([message()], controller.signal)).toMatchObject([{ outcome: 'unsent' }])
  })

  test('under way are confirmed while the adapter stops', async () => {
    const arrived = Promise.withResolvers<() => void>()
    const far = await startFarSide(({ socket }) => arrived.resolve(() => socket.write(reply(200))))
    const { one, adapter } = await startPublisher(far.url)
    const result = one()
    const answer = await arrived.promise
    const stopped = adapter.stop()
    answer()
    expect(await result).toMatchObject({ outcome: 'published' })
    await stopped
  })
})
