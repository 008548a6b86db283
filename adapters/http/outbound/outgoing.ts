import type { Json } from '../../../src/domain/json.ts'
import { IDEMPOTENCY_HEADER } from '../../../src/domain/outbound.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { type HttpPublicationOptions, sendsBody } from '../publication-options.ts'
import { type RequestHeaders, sendableHeaders } from './message-headers.ts'
import { fillPath } from './path-template.ts'

const USER_AGENT = 'crossdock'

/** A request that is ready to be sent, but for what shows who sends it. */
export interface OutgoingRequest {
  readonly method: string
  /** Path and query, below the host of the connection. */
  readonly path: string
  readonly headers: RequestHeaders
  readonly body: Uint8Array | undefined
}

/** A request, or why a message makes none. */
export type Outgoing =
  | { readonly ok: true; readonly request: OutgoingRequest }
  | { readonly ok: false; readonly error: string }

/** What every request of one publication begins with. */
export interface Destination {
  readonly baseUrl: URL
  /** Headers of the connection: they stand over those of a message, which may come from anywhere. */
  readonly headers: RequestHeaders
  readonly options: HttpPublicationOptions
}

/** A message as a request. What cannot be one now can never be one. */
export function toRequest(message: OutboundMessage, destination: Destination): Outgoing {
  const { options } = destination
  const { target } = message
  const path = pathOf(target, destination)
  if (!path.ok) return path
  const query = queryOf(target['query'] ?? null)
  if (!query.ok) return query
  const hasOwnBody = options.body !== undefined
  const own = sendableHeaders(message.headers, hasOwnBody)
  if (!own.ok) return own
  const body = sendsBody(options) ? bodyOf(message, hasOwnBody) : undefined
  const contentType = body === undefined ? undefined : (options.content_type ?? body.contentType)
  if (contentType !== undefined && !/^[\t\x20-\x7e]*$/.test(contentType)) {
    return { ok: false, error: 'its content type has characters that HTTP cannot carry' }
  }
  return {
    ok: true,
    request: {
      method: options.method,
      path: path.path + query.text,
      headers: {
        'user-agent': USER_AGENT,
        ...own.headers,
        ...(contentType !== undefined && { 'content-type': contentType }),
        [IDEMPOTENCY_HEADER]: message.id,
        ...destination.headers,
      },
      body: body?.bytes,
    },
  }
}

type PathPart =
  { readonly ok: true; readonly path: string } | { readonly ok: false; readonly error: string }

/** The whole path, looked at once more as a server will: the host and what base_url says cannot be left. */
function pathOf(target: OutboundMessage['target'], { baseUrl }: Destination): PathPart {
  const filled = fillPath(target['path'])
  if (!filled.ok) return filled
  // Alone it is an address as it stands, with or without a slash at its end.
  const base = filled.path === '' ? baseUrl.pathname : baseUrl.pathname.replace(/\/$/, '')
  const path = base + filled.path
  const url = URL.canParse(baseUrl.origin + path) ? new URL(baseUrl.origin + path) : undefined
  return url?.origin === baseUrl.origin && url.pathname === path && url.search === ''
    ? { ok: true, path }
    : { ok: false, error: 'its path would lead out of base_url' }
}

function queryOf(
  query: Json,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string } {
  if (query === null || typeof query !== 'object' || Array.isArray(query))
    return { ok: true, text: '' }
  const pairs: string[] = []
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat() as readonly Json[]) {
      if (one === null) continue
      if (typeof one === 'object')
        return { ok: false, error: 'an expression of its query gave an object' }
      const text = String(one)
      if (!text.isWellFormed())
        return { ok: false, error: 'an expression of its query gave broken text' }
      pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
    }
  }
  return { ok: true, text: pairs.length === 0 ? '' : `?${pairs.join('&')}` }
}

interface Body {
  readonly bytes: Uint8Array
  readonly contentType: string | undefined
}

function bodyOf(message: OutboundMessage, hasOwnBody: boolean): Body {
  if (!hasOwnBody) return { bytes: message.payload, contentType: message.contentType }
  const body = message.target['body'] ?? null
  return typeof body === 'string'
    ? { bytes: Buffer.from(body), contentType: 'text/plain; charset=utf-8' }
    : { bytes: Buffer.from(JSON.stringify(body)), contentType: 'application/json' }
}
