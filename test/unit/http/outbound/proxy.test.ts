import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { reply, startFarSide, startPublisher } from './started-publisher.ts'

/** A proxy that knows CONNECT alone, and who has asked it for what. */
async function startProxy(
  status = 200,
): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', ({ url = '', headers }, socket) => {
    asked.push(`${url} ${headers['proxy-authorization'] ?? ''}`)
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      return
    }
    const target = new URL(`http://${url}`)
    const onward = connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, asked }
}

test('a proxy is asked for a tunnel, once for many messages', async () => {
  const far = await startFarSide(({ socket }) => socket.write(reply(200)))
  const { port, asked } = await startProxy()
  const proxy = `http://me:p%40ss@127.0.0.1:${port}`
  const { one } = await startPublisher(far.url, { connection: { proxy } })
  expect(await one()).toMatchObject({ outcome: 'published' })
  expect(await one()).toMatchObject({ outcome: 'published' })
  expect(asked).toEqual([`127.0.0.1:${far.port} Basic ${btoa('me:p@ss')}`])
  expect(far.requests[0]?.text).not.toContain('proxy-')
})

test('a proxy that makes none, or is not there, leaves a message unsent', async () => {
  const far = await startFarSide(({ socket }) => socket.write(reply(200)))
  const { port } = await startProxy(407)
  const refusing = await startPublisher(far.url, {
    connection: { proxy: `http://127.0.0.1:${port}` },
  })
  expect(await refusing.one()).toMatchObject({
    outcome: 'unsent',
    error: expect.stringContaining('the proxy answered 407') as string,
  })
  const absent = await startPublisher(far.url, { connection: { proxy: 'http://127.0.0.1:1' } })
  expect(await absent.one()).toMatchObject({ outcome: 'unsent' })
  expect(far.sockets).toHaveLength(0)
})
