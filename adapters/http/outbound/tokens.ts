import type { Exchange } from './exchange.ts'

/** How long a token is taken for good whose server does not say so. */
const DEFAULT_LIFE_MS = 300_000
/** A token is got anew this long before its end, or at nine tenths of a short life. */
const MARGIN_MS = 30_000
const MARGIN_PART = 0.1

const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000

/** What a header can carry behind `Bearer`. */
const TOKEN = /^[\x21-\x7e]+$/

/** A token, or why there is none. Neither is ever logged with the token in it. */
export type TokenResult =
  { readonly ok: true; readonly token: string } | { readonly ok: false; readonly error: string }

/** Access tokens, one at a time, for many requests. */
export interface Tokens {
  /** The token of now: got once for all who ask meanwhile. Settles always. */
  get(): Promise<TokenResult>
  /** The same after `refused` was not taken: it is got anew, but where somebody has done so already. */
  renew(refused: string): Promise<TokenResult>
}

/** What tokens are got with. */
export interface TokensOptions {
  /** Asks the server for one. */
  readonly ask: () => Promise<Exchange>
  /** Milliseconds of a clock that only goes on. */
  readonly now: () => number
}

/**
 * Keeps the token of the client credentials grant until shortly before it ends. After a failure it is asked
 * for again a second later at the earliest, then two, up to a minute: whoever asks before is told what
 * was wrong, and the server of tokens is left alone.
 * Source: RFC 6749, sections 4.4, 5.1 and 5.2.
 */
export function createTokens({ ask, now }: TokensOptions): Tokens {
  let current: { readonly token: string; readonly goodUntil: number } | undefined
  let failure:
    { readonly error: string; readonly until: number; readonly count: number } | undefined
  let underWay: Promise<TokenResult> | undefined

  const fetchToken = async (): Promise<TokenResult> => {
    const asked = readToken(await ask())
    if (asked.ok) {
      const lifeMs = asked.lifeMs - Math.min(MARGIN_MS, asked.lifeMs * MARGIN_PART)
      current = { token: asked.token, goodUntil: now() + lifeMs }
      failure = undefined
      return { ok: true, token: asked.token }
    }
    const count = (failure?.count ?? 0) + 1
    const pauseMs = Math.min(FIRST_BACKOFF_MS * 2 ** (count - 1), MAX_BACKOFF_MS)
    failure = { error: asked.error, until: now() + pauseMs, count }
    return asked
  }

  const get = (): Promise<TokenResult> => {
    if (current !== undefined && now() < current.goodUntil) {
      return Promise.resolve({ ok: true, token: current.token })
    }
    if (underWay !== undefined) return underWay
    if (failure !== undefined && now() < failure.until) {
      return Promise.resolve({ ok: false, error: failure.error })
    }
    underWay = fetchToken().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  return {
    get,
    renew: (refused) => {
      if (current?.token === refused) current = undefined
      return get()
    },
  }
}

type Read =
  | { readonly ok: true; readonly token: string; readonly lifeMs: number }
  | { readonly ok: false; readonly error: string }

/** Of an answer that is an error its code alone is told: the rest may repeat what was sent. */
function readToken(answer: Exchange): Read {
  if (answer.kind !== 'answered') return no(`the server of tokens did not answer: ${answer.error}`)
  const body = parsed(answer.body)
  if (answer.status !== 200) {
    const code = typeof body?.['error'] === 'string' ? body['error'] : ''
    const shown = /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : ''
    return no(
      `the server of tokens answered ${answer.status}${shown}; look at auth of the connection`,
    )
  }
  const token = body?.['access_token']
  const type = body?.['token_type'] ?? 'bearer'
  if (typeof token !== 'string' || !TOKEN.test(token))
    return no('the server of tokens answered without a token')
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    return no('the server of tokens gave a token that is not of the type Bearer')
  }
  const seconds = Number(body?.['expires_in'])
  const lifeMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_LIFE_MS
  return { ok: true, token, lifeMs }
}

function no(error: string): Read {
  return { ok: false, error }
}

function parsed(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
