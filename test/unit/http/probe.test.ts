import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { z } from 'zod'
import { httpConnectionOptions } from '../../../adapters/http/connection-options.ts'
import { httpAdapter } from '../../../adapters/http/index.ts'
import type { ProbeFindings } from '../../../src/ports/probe.ts'
import { type Authority, makeAuthority } from '../../services/certificates.ts'
import { freePort } from '../../services/free-port.ts'

let ours: Authority
let foreign: Authority
let requests: number

beforeAll(async () => {
  ours = await makeAuthority('far.example', 'client')
  foreign = await makeAuthority('client')
})

const signed = (authority: Authority, name: string) =>
  authority.signed[name] ?? { cert: '', key: '' }

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function plain(): Promise<string> {
  requests = 0
  return `http://127.0.0.1:${await listening(createHttp(() => (requests += 1)))}`
}

async function encrypted(options: ServerOptions = {}): Promise<string> {
  requests = 0
  const all = { ...signed(ours, 'far.example'), ...options }
  const server = createHttps(all, () => (requests += 1))
  server.on('tlsClientError', () => undefined)
  return `https://127.0.0.1:${await listening(server)}`
}

async function probe(
  connection: z.input<typeof httpConnectionOptions>,
): Promise<ProbeFindings | undefined> {
  const { signal } = new AbortController()
  return await httpAdapter.probe?.(httpConnectionOptions.parse(connection), signal)
}

async function trouble(connection: z.input<typeof httpConnectionOptions>): Promise<string> {
  return await probe(connection).then(
    () => 'none',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}

describe('a connection that is tried', () => {
  test('is reached without a request', async () => {
    expect(await probe({ base_url: `${await plain()}/v1` })).toEqual({
      facts: 'reached, without TLS',
    })
    expect(requests).toBe(0)
  })

  test('is reached with TLS, and with the certificate that it demands', async () => {
    const base = await encrypted()
    const { facts } = (await probe({ base_url: base, tls: { ca: ours.ca } })) ?? { facts: '' }
    expect(facts).toMatch(/^reached, TLSv1\.3, its certificate holds until \w{3} /)
    const strict = await encrypted({ ca: ours.ca, requestCert: true, rejectUnauthorized: true })
    const tls = { ca: ours.ca, ...signed(ours, 'client') }
    expect(await probe({ base_url: strict, tls })).toMatchObject({ facts })
    expect(requests).toBe(0)
  })

  test('is reached through its proxy', async () => {
    const base = await encrypted()
    const asked: string[] = []
    const server = createHttp()
    server.on('connect', ({ url = '' }, socket) => {
      asked.push(url)
      const { hostname, port } = new URL(`http://${url}`)
      const onward = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    const proxy = `http://me:proxy-secret@127.0.0.1:${await listening(server)}`
    expect(await probe({ base_url: base, proxy, tls: { ca: ours.ca } })).toMatchObject({
      facts: expect.stringContaining('reached, TLSv1.3') as string,
    })
    expect(asked).toEqual([new URL(base).host])
    expect(requests).toBe(0)
    const told = await trouble({ base_url: base, proxy, tls: { ca: foreign.ca } })
    expect(told).toContain('set tls.ca to that authority')
    expect(told).not.toContain('proxy-secret')
  })

  test('that is a port of our own is not opened', async () => {
    expect(await probe({ listen: { port: 8443 } })).toEqual({
      facts: 'a port of our own, 127.0.0.1:8443: not opened',
    })
  })

  test.each([
    [
      'where nobody listens',
      async () => ({ base_url: `http://127.0.0.1:${await freePort()}` }),
      /^127\.0\.0\.1:\d+: nobody listens there.*ECONNREFUSED/,
    ],
    [
      'of a host that does not exist',
      async () => ({ base_url: 'https://far.invalid/v1' }),
      /^far\.invalid: (there is no such host|the name of the host could not be looked up)/,
    ],
    [
      'whose authority is not known',
      async () => ({ base_url: await encrypted() }),
      /set tls\.ca to that authority/,
    ],
    [
      'with another name',
      async () => ({
        base_url: await encrypted(),
        tls: { ca: ours.ca, server_name: 'other.example' },
      }),
      /its certificate is for another name/,
    ],
    [
      'that demands a certificate',
      async () => ({
        base_url: await encrypted({ ca: ours.ca, requestCert: true, rejectUnauthorized: true }),
        tls: { ca: ours.ca },
      }),
      /it demands a client certificate: set tls\.cert and tls\.key/,
    ],
    [
      'without TLS at that port',
      async () => ({ base_url: (await plain()).replace('http:', 'https:') }),
      /does not speak TLS|broke the connection off/,
    ],
    [
      'whose handshake does not end',
      async () => {
        const port = await listening(createServer((socket) => socket.on('error', () => undefined)))
        return { base_url: `https://127.0.0.1:${port}`, connect_timeout_ms: 200 }
      },
      /there was no connection within 200 ms/,
    ],
  ])('says what is wrong with one %s', async (_which, connection, says) => {
    expect(await trouble(await connection())).toMatch(says)
  })
})
