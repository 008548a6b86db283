import { z } from 'zod'
import { CrossdockError, errorMessage } from '../../src/domain/errors.ts'

/** How tokens are asked for. It holds a secret: never log it. */
export interface TokenGrant {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string | undefined
  readonly audience: string | undefined
}

/** How long the server of tokens may take, in milliseconds. */
const LIMIT_MS = 10_000
/** How long a token is taken for good whose server does not say so, in milliseconds. */
const DEFAULT_LIFE_MS = 300_000
/** A token is got anew this long before its end, or at nine tenths of a short life. */
const MARGIN_MS = 30_000
const MARGIN_PART = 0.1

/** What a sign-in can carry. */
const answerSchema = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
})
const errorSchema = z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) })

/**
 * Gives access tokens of the client credentials grant: one for all who ask, until shortly before it ends. After a
 * failure the next one who asks asks the server again; how often that is, is the client library's back-off.
 * Source: RFC 6749, sections 2.3.1, 4.4, 5.1 and 5.2.
 * @param now milliseconds of a clock that only goes on
 */
export function grantedToken(grant: TokenGrant, now: () => number): () => Promise<string> {
  let current: { readonly token: string; readonly goodUntil: number } | undefined
  let underWay: Promise<string> | undefined

  const ask = async (): Promise<string> => {
    const { token, lifeMs } = await request(grant)
    current = { token, goodUntil: now() + lifeMs - Math.min(MARGIN_MS, lifeMs * MARGIN_PART) }
    return token
  }

  return () => {
    if (current !== undefined && now() < current.goodUntil) return Promise.resolve(current.token)
    underWay ??= ask().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

async function request(
  grant: TokenGrant,
): Promise<{ readonly token: string; readonly lifeMs: number }> {
  const { status, text } = await post(grant)
  const body = parsed(text)
  if (status !== 200) {
    // Of an answer that is an error its code alone is told: the rest may repeat what was sent.
    const error = errorSchema.safeParse(body)
    throw failed(`answered ${status}${error.success ? ` (${error.data.error})` : ''}`)
  }
  const answer = answerSchema.safeParse(body)
  if (!answer.success) throw failed('answered without a token')
  const { access_token: token, expires_in: seconds } = answer.data
  return { token, lifeMs: seconds === undefined ? DEFAULT_LIFE_MS : seconds * 1_000 }
}

async function post(
  grant: TokenGrant,
): Promise<{ readonly status: number; readonly text: string }> {
  const { url, clientId, clientSecret, scope, audience } = grant
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) form.set('scope', scope)
  if (audience !== undefined) form.set('audience', audience)
  const name = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: `Basic ${Buffer.from(name).toString('base64')}`,
      },
      body: form,
      redirect: 'error',
      signal: AbortSignal.timeout(LIMIT_MS),
    })
    return { status: answer.status, text: await answer.text() }
  } catch (error) {
    throw failed(`did not answer: ${errorMessage(error)}`)
  }
}

/** Source: RFC 6749, appendix B. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failed(what: string): CrossdockError {
  return new CrossdockError(
    'connection_failed',
    `the server of tokens ${what}; look at sasl of the connection`,
    { retryable: true },
  )
}
