import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { reply, startFarSide, startPublisher } from './started-publisher.ts'

describe('without an answer', () => {
  test('in time a message is unconfirmed, and the connection is given up', async () => {
    const far = await startFarSide(() => undefined)
    const { one } = await startPublisher(far.url, { timeoutMs: 150 })
    expect(await one()).toEqual({
      outcome: 'unconfirmed',
      error: 'there was no answer within 150 ms',
    })
    const [socket] = far.sockets
    if (socket?.readableEnded === false) await once(socket, 'end')
  })

  test.each([
    ['at once', '', 'reset'],
    ['with the status half sent', 'HTTP/1.1 20', 'reset'],
    ['with the headers half sent', 'HTTP/1.1 200 OK\r\ncontent-le', 'reset'],
    ['by its end, with nothing sent', '', 'end'],
    ['by its end, with the headers half sent', 'HTTP/1.1 200 OK\r\ncontent-le', 'end'],
  ])('a connection that is lost %s leaves it unconfirmed', async (_when, text, how) => {
    const far = await startFarSide(({ socket }) => {
      socket.write(text, () => (how === 'reset' ? socket.resetAndDestroy() : socket.end()))
    })
    const { one } = await startPublisher(far.url)
    expect(await one()).toMatchObject({ outcome: 'unconfirmed' })
  })

  test('a connection that is lost while the body is sent leaves it unconfirmed', async () => {
    const far = await startFarSide(() => undefined, {
      onConnect: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    })
    const { one } = await startPublisher(far.url)
    expect(await one({ payload: Buffer.alloc(5_000_000) })).toMatchObject({
      outcome: 'unconfirmed',
    })
  })

  test('to the whole of a large body an early answer counts', async () => {
    const far = await startFarSide(() => undefined, {
      onConnect: (socket) =>
        socket.once('data', () => {
          socket.pause()
          socket.write(reply(413))
        }),
    })
    const { one } = await startPublisher(far.url)
    expect(await one({ payload: Buffer.alloc(20_000_000) })).toMatchObject({
      outcome: 'refused',
      permanent: true,
      error: 'answered 413 Payload Too Large',
    })
  })
})

describe('without a connection', () => {
  test('a message is unsent, and goes as soon as the far side is back', async () => {
    const first = await startFarSide(({ socket }) => socket.write(reply(200)))
    const { one, adapter } = await startPublisher(first.url)
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(adapter.health()).toMatchObject({ status: 'ok' })
    await first.close()
    expect(await untilOutcome(one, 'unsent')).toMatchObject({
      error: expect.stringContaining('ECONNREFUSED') as string,
    })
    expect(adapter.health()).toMatchObject({
      status: 'degraded',
      detail: expect.stringContaining('ECONNREFUSED') as string,
    })
    await startFarSide(({ socket }) => socket.write(reply(200)), { port: first.port })
    expect(await one()).toMatchObject({ outcome: 'published' })
    expect(adapter.health()).toMatchObject({ status: 'ok' })
  })

  test('a name that nobody has is unsent', async () => {
    const { one } = await startPublisher('http://nothing.invalid')
    expect(await one()).toMatchObject({ outcome: 'unsent' })
  })

  test('a handshake that does not end is unsent', async () => {
    const far = await startFarSide(() => undefined)
    const { one } = await startPublisher(far.url.replace('http:', 'https:'), {
      connection: { connect_timeout_ms: 100 },
    })
    expect(await one()).toEqual({
      outcome: 'unsent',
      error: 'there was no connection within 100 ms',
    })
  })

  test('a far side that is no TLS server is unsent', async () => {
    const far = await startFarSide(() => undefined, { onConnect: (socket) => socket.end('hello') })
    const { one } = await startPublisher(far.url.replace('http:', 'https:'))
    expect(await one()).toMatchObject({ outcome: 'unsent' })
  })

  /** The pool may hold one connection more that the far side has just closed. */
  async function untilOutcome(
    one: () => Promise<{ readonly outcome: string }>,
    wanted: string,
  ): Promise<unknown> {
    for (let tries = 0; tries < 5; tries += 1) {
      const result = await one()
      if (result.outcome === wanted) return result
    }
    throw new Error(`never ${wanted}`)
  }
})
