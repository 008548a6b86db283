import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'
import type { ReceivedBody } from './request-body.ts'
import { JsonText } from './resource.ts'

/** The path of a request as sent, without the query. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

/** A request as the port has it. */
export function toHttpRequest(request: FastifyRequest, reply: FastifyReply): HttpRequest {
  const path = pathOf(request)
  const body = request.body as ReceivedBody | undefined
  return {
    method: request.method,
    path,
    params: request.params as HttpRequest['params'],
    query: request.query as HttpRequest['query'],
    queryText: request.url.slice(path.length + 1),
    headers: request.headers,
    rawHeaders: request.raw.rawHeaders,
    body: typeof body === 'object' ? body.bytes : new Uint8Array(),
    closed: () => closedSignal(reply),
  }
}

/** Made when it is asked for: hardly any request waits for something. */
function closedSignal({ raw }: FastifyReply): AbortSignal {
  const closed = new AbortController()
  // The response and not the request, which closes as soon as its body has been read.
  if (raw.closed) closed.abort()
  else raw.once('close', () => closed.abort())
  return closed.signal
}

/** Sends what a route answered. */
export function send(reply: FastifyReply, response: HttpResponse): FastifyReply {
  reply.code(response.status)
  if (response.body === undefined) return reply.headers(response.headers ?? {}).send()
  const text =
    response.body instanceof JsonText ? response.body.text : JSON.stringify(response.body)
  return (
    reply
      .headers({ 'content-type': 'application/json; charset=utf-8', ...response.headers })
      // As bytes: fastify adds a charset to the type of text, which problem+json does not have.
      .send(Buffer.from(text))
  )
}
