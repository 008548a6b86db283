import type { ReadBody } from '../../src/ports/http-body.ts'
import type { HttpRequest } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'
import type { HttpSubscriptionOptions } from './options.ts'
import type { Proof } from './verify/proof.ts'

/** Whose keys they are where senders have no names: part of every inbox key. */
const ANONYMOUS = 'anonymous'

/** The headers that may say which message a request is, the first that is there. */
const IDENTITY_HEADERS = ['idempotency-key', 'webhook-id']
/** And GitHub's own, of a delivery that it may send again. */
const GITHUB_IDENTITY_HEADERS = [...IDENTITY_HEADERS, 'x-github-delivery']

const MAX_IDENTITY_CHARACTERS = 255

/** A request that was verified, or whose subscription verifies none. */
export type Verified = Extract<Proof, { readonly ok: true }>

/**
 * What makes two requests one message: who sent it, what stands for the `:name` parts of the path, and the
 * key that the sender gave it. A sender that numbers the orders of each shop by themselves uses a key once
 * in each.
 *
 * A signed id stands alone: path and other headers are not signed, and whoever sends a captured request
 * again could change them in order to have it taken for another one.
 * `undefined`: it has none. 400 for a key that cannot be one.
 */
export function identityOf(
  request: HttpRequest,
  { path, verify }: HttpSubscriptionOptions,
  { sender = ANONYMOUS, signedId }: Verified,
): ReadBody<string | undefined> {
  const name =
    signedId === undefined
      ? identityHeaders(verify).find((each) => header(request, each) !== undefined)
      : 'webhook-id'
  if (name === undefined) return { ok: true, value: undefined }
  const key = signedId ?? header(request, name) ?? ''
  if (key === '' || key.length > MAX_IDENTITY_CHARACTERS) {
    const detail = `The header ${name} has 1 to ${MAX_IDENTITY_CHARACTERS} characters.`
    return { ok: false, problem: httpProblem('invalid_idempotency_key', detail) }
  }
  const between = signedId === undefined ? pathValues(request, path) : []
  return { ok: true, value: [sender, ...between, key].join('/') }
}

/** Which requests of a subscription have no identity, as words after "when"; `undefined`: none. */
export function withoutIdentity({ verify }: HttpSubscriptionOptions): string | undefined {
  // Its id is signed: a request without one is not let in.
  if (verify?.type === 'standard-webhooks') return undefined
  return `the sender gives none of the headers ${identityHeaders(verify).join(', ')}`
}

function identityHeaders(verify: HttpSubscriptionOptions['verify']): readonly string[] {
  return verify?.type === 'github' ? GITHUB_IDENTITY_HEADERS : IDENTITY_HEADERS
}

/** Encoded, so that a value that holds a slash cannot look like two. */
function pathValues({ params }: HttpRequest, path: string): readonly string[] {
  return path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => encodeURIComponent(params[part.slice(1)] ?? ''))
}

function header({ headers }: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
