import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { post, send, startServer } from './started-server.ts'

const echo = { method: 'POST', path: '/in/:shop/x' }

describe('stopping', () => {
  test('finishes what is under way, refuses what comes, and closes', async () => {
    const begun = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const server = await startServer({
      routes: (host) =>
        host.route({
          ...echo,
          handle: async () => {
            begun.resolve()
            await end.promise
            return { status: 202 }
          },
        }),
    })
    const underWay = post(`${server.url}/in/a/x`, {}, { connection: 'keep-alive' })
    await begun.promise
    server.drain()
    const refused = await post(`${server.url}/in/a/x`, {})
    expect(refused.json).toMatchObject({ status: 503, code: 'instance_stopping' })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('connection')).toBe('close')
    const closed = server.close({ graceMs: 60_000 })
    end.resolve()
    const answer = await underWay
    expect(answer.status).toBe(202)
    expect(answer.headers.get('connection')).toBe('close')
    await closed
    await expect(post(`${server.url}/in/a/x`, {})).rejects.toThrow()
  })

  test('does not wait for connections that never sent anything', async () => {
    const server = await startServer({})
    const idle = connect(server.port, '127.0.0.1')
    await once(idle, 'connect')
    await send(`${server.url}/x`)
    const ended = once(idle, 'close')
    idle.resume()
    await server.close({ graceMs: 60_000 })
    await ended
  })

  test('cuts off what outlives the grace period', async () => {
    const begun = Promise.withResolvers<void>()
    const server = await startServer({
      routes: (host) =>
        host.route({
          ...echo,
          handle: () => {
            begun.resolve()
            return Promise.withResolvers<never>().promise
          },
        }),
    })
    const hanging = post(`${server.url}/in/a/x`, {}).catch(() => 'broken')
    await begun.promise
    await server.close({ graceMs: 1 })
    expect(await hanging).toBe('broken')
  })
})
