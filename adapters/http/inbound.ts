import type { InboundMessage } from '../../src/domain/message.ts'
import { validTraceparent } from '../../src/domain/traceparent.ts'
import type { AdapterSubscription } from '../../src/ports/adapter.ts'
import { readJsonBody, readTextBody, type ReadBody } from '../../src/ports/http-body.ts'
import type { HttpRequest } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'
import { messageHeaders } from './message-headers.ts'
import type { HttpSubscriptionOptions } from './options.ts'

/** Whose keys they are while nobody has to say who he is: part of every inbox key. */
const SENDER = 'anonymous'

const MAX_IDENTITY_CHARACTERS = 255
const MAX_CORRELATION_ID_CHARACTERS = 255
const MAX_CONTENT_TYPE_CHARACTERS = 255

/** The body of a request that has none, where JSON is wanted. */
const JSON_NULL = Buffer.from('null')

/** A request as a message, or the answer to one that cannot be a message of this subscription. */
export function toMessage(
  request: HttpRequest,
  subscription: AdapterSubscription<HttpSubscriptionOptions>,
): ReadBody<InboundMessage> {
  const identity = identityOf(request, subscription.options.path)
  if (!identity.ok) return identity
  const contentType = header(request, 'content-type')
  if (contentType !== undefined && contentType.length > MAX_CONTENT_TYPE_CHARACTERS) {
    return refused('unsupported_media_type', 'The header content-type is too long.')
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
      traceparent: validTraceparent(header(request, 'traceparent')),
      correlationId: correlationIdOf(request),
      facts: {
        path: request.path,
        ...(request.queryText !== '' && { query: request.queryText }),
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

/**
 * What makes two requests one message: the key that the sender gave it, and what stands for the `:name`
 * parts of the path. A sender that numbers the orders of each shop by themselves uses a key once in each.
 */
function identityOf(request: HttpRequest, path: string): ReadBody<string | undefined> {
  const name = ['idempotency-key', 'webhook-id'].find((each) => header(request, each) !== undefined)
  if (name === undefined) return { ok: true, value: undefined }
  const key = header(request, name) ?? ''
  return key === '' || key.length > MAX_IDENTITY_CHARACTERS
    ? refused(
        'invalid_idempotency_key',
        `The header ${name} has 1 to ${MAX_IDENTITY_CHARACTERS} characters.`,
      )
    : { ok: true, value: [SENDER, ...pathValues(request, path), key].join('/') }
}

/** Encoded, so that a value that holds a slash cannot look like two. */
function pathValues({ params }: HttpRequest, path: string): readonly string[] {
  return path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => encodeURIComponent(params[part.slice(1)] ?? ''))
}

/** One that does not fit its column is left among the headers. */
function correlationIdOf(request: HttpRequest): string | undefined {
  const id = header(request, 'x-correlation-id') ?? header(request, 'x-request-id')
  return id !== undefined && id !== '' && id.length <= MAX_CORRELATION_ID_CHARACTERS
    ? id
    : undefined
}

function refused(
  code: 'invalid_idempotency_key' | 'unsupported_media_type',
  detail: string,
): { readonly ok: false; readonly problem: ReturnType<typeof httpProblem> } {
  return { ok: false, problem: httpProblem(code, detail) }
}

function header({ headers }: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
