import { createHash } from 'node:crypto'
import type { InboundMessage } from '../../src/domain/message.ts'
import { validTraceparent } from '../../src/domain/traceparent.ts'
import type { AdapterSubscription } from '../../src/ports/adapter.ts'
import { readJsonBody, readTextBody, type ReadBody } from '../../src/ports/http-body.ts'
import type { HttpRequest } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'
import { identityOf, type Verified } from './identity.ts'
import { messageHeaders } from './message-headers.ts'
import type { HttpSubscriptionOptions } from './options.ts'

const MAX_CORRELATION_ID_CHARACTERS = 255
const MAX_CONTENT_TYPE_CHARACTERS = 255

/** The body of a request that has none, where JSON is wanted. */
const JSON_NULL = Buffer.from('null')

/** A request as a message, or the answer to one that cannot be a message of this subscription. */
export function toMessage(
  request: HttpRequest,
  subscription: AdapterSubscription<HttpSubscriptionOptions>,
  verified: Verified,
): ReadBody<InboundMessage> {
  const identity = identityOf(request, subscription.options, verified)
  if (!identity.ok) return identity
  const contentType = header(request, 'content-type')
  if (contentType !== undefined && contentType.length > MAX_CONTENT_TYPE_CHARACTERS) {
    const problem = httpProblem('unsupported_media_type', 'The header content-type is too long.')
    return { ok: false, problem }
  }
  const body = bodyOf(request, subscription.contentType)
  if (!body.ok) return body
  return {
    ok: true,
    value: {
      protocol: 'http',
      subscription: subscription.name,
      method: request.method,
      body: body.value,
      contentType: body.value === JSON_NULL ? undefined : contentType,
      headers: messageHeaders(request.rawHeaders),
      identity: identity.value,
      bodySha256:
        identity.value === undefined
          ? undefined
          : createHash('sha256').update(body.value).digest('hex'),
      traceparent: validTraceparent(header(request, 'traceparent')),
      correlationId: correlationIdOf(request),
      facts: {
        path: request.path,
        ...(request.queryText !== '' && { query: request.queryText }),
        ...(verified.sender !== undefined && { sender: verified.sender }),
      },
      query: request.query,
      params: request.params,
    },
  }
}

/** Checked here and now: whoever sends waits for the answer, and nobody else can correct the message. */
function bodyOf(
  request: HttpRequest,
  contentType: 'json' | 'text' | 'binary',
): ReadBody<Uint8Array> {
  switch (contentType) {
    case 'json': {
      // These two have no body as a rule: what they say is in their path and query.
      const bodiless = request.method === 'GET' || request.method === 'DELETE'
      if (bodiless && request.body.length === 0) return { ok: true, value: JSON_NULL }
      const json = readJsonBody(request)
      return json.ok ? { ok: true, value: request.body } : json
    }
    case 'text': {
      const text = readTextBody(request)
      return text.ok ? { ok: true, value: request.body } : text
    }
    case 'binary':
      return { ok: true, value: request.body }
  }
}

/** `correlation-id` is what our own side sends. One that does not fit its column is left among the headers. */
const CORRELATION_HEADERS = ['x-correlation-id', 'correlation-id', 'x-request-id']

function correlationIdOf(request: HttpRequest): string | undefined {
  const [id] = CORRELATION_HEADERS.flatMap((name) => header(request, name) ?? [])
  return id !== undefined && id !== '' && id.length <= MAX_CORRELATION_ID_CHARACTERS
    ? id
    : undefined
}

function header({ headers }: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
