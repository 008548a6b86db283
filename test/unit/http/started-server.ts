import { request as sendRequest } from 'node:http'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import type { HttpHost } from '../../../src/ports/http-host.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { HttpResource } from '../../../src/http/resource.ts'
import { createHttpServer, type HttpServer } from '../../../src/http/server.ts'
import { silentLog } from '../../../src/observe/log.ts'

/** What a test's server is made of. */
export interface TestServerOptions {
  readonly resources?: readonly HttpResource[]
  readonly bodyLimitBytes?: number
  readonly allowedHosts?: readonly string[]
  readonly log?: Log
  /** Adds routes before the server listens. */
  readonly routes?: (host: HttpHost) => void | Promise<void>
}

/** A server on a free port, closed when the test has finished. */
export async function startServer({
  resources = [],
  bodyLimitBytes = 1_000,
  allowedHosts,
  log = silentLog,
  routes = () => undefined,
}: TestServerOptions): Promise<HttpServer & { readonly url: string; readonly port: number }> {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes,
    log,
    allowedHosts,
    resources,
  })
  await routes(server.host)
  const { url } = await server.listen()
  onTestFinished(() => server.close({ graceMs: 0 }))
  return { ...server, url, port: Number(new URL(url).port) }
}

/** An answer as tests look at it. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown>
}

/** Sends a request with any headers, which `fetch` does not allow. */
export async function send(
  url: string,
  options: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string | readonly string[]>>
    readonly body?: string | Uint8Array
  } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const request = sendRequest(
    url,
    { method: options.method ?? 'GET', headers: options.headers as Record<string, string> },
    (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          ),
          text,
          json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
        })
      })
    },
  )
  request.on('error', reject)
  // Bytes, because Node writes the headers in the encoding of a body that is a string.
  request.end(Buffer.from((options.body ?? '') as string))
  return promise
}

/** Sends JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Answer> {
  return send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** Writes text to a connection as it is, and returns all that comes back until the other side ends it. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString()))
  socket.on('error', reject)
  socket.on('close', () => resolve(received))
  return promise
}
