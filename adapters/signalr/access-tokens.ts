import { connectionTrouble } from '../../src/domain/connection-trouble.ts'
import { CrossdockError } from '../../src/domain/errors.ts'
import type { AccessTokenOption, TokenSource } from './options/access-token.ts'

/** Gives connections their access tokens. */
export interface AccessTokens {
  /**
   * The token of one connection, as often as it is asked for: what the library is given. Got at the first call.
   * @throws CrossdockError `connection_failed`, without the token in it
   */
  forConnection(): () => Promise<string>
  /** A connection was not made: the token of before may have been refused, and is not used again. */
  failed(): void
}

/** A token is got anew when nine tenths of its life are over. */
const LIFE_PART = 0.9
/** What can stand in a header. */
const TOKEN = /^[\x21-\x7e]+$/
const MAX_ANSWER_BYTES = 65_536

/**
 * A token that stays, or one that is got for each connection; while `expires_in` of its answer says that it is
 * good, several connections share it.
 */
export function createAccessTokens(option: AccessTokenOption, now: () => number): AccessTokens {
  if (typeof option === 'string') {
    return { forConnection: () => () => Promise.resolve(option), failed: () => undefined }
  }
  let kept: { readonly token: string; readonly goodUntil: number } | undefined

  async function get(source: TokenSource): Promise<string> {
    if (kept !== undefined && now() < kept.goodUntil) return kept.token
    const { token, lifeMs } = await fetchToken(source)
    kept = { token, goodUntil: now() + lifeMs * LIFE_PART }
    return token
  }

  return {
    forConnection: () => {
      let mine: Promise<string> | undefined
      return () => (mine ??= get(option))
    },
    failed: () => {
      kept = undefined
    },
  }
}

async function fetchToken(
  source: TokenSource,
): Promise<{ readonly token: string; readonly lifeMs: number }> {
  const { origin, pathname } = new URL(source.url)
  const problem = (what: string, cause?: unknown): CrossdockError =>
    new CrossdockError('connection_failed', `no access token from ${origin}${pathname}: ${what}`, {
      cause,
    })
  let text: string
  try {
    const answer = await fetch(source.url, {
      method: source.form === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json, text/plain', ...source.headers },
      ...(source.form !== undefined && { body: new URLSearchParams(source.form) }),
      // Whoever it leads to would be given the secrets.
      redirect: 'error',
      signal: AbortSignal.timeout(source.timeout),
    })
    if (!answer.ok) throw problem(`it answers ${answer.status}`)
    text = await answer.text()
  } catch (error) {
    throw error instanceof CrossdockError ? error : problem(reasonOf(error), error)
  }
  if (text.length > MAX_ANSWER_BYTES) throw problem('its answer is too long')
  const { token, lifeMs } = readAnswer(text, source.field)
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    throw problem(`its answer has no token in '${source.field}'`)
  }
  return { token, lifeMs }
}

/** Source: RFC 6749, section 5.1. An answer that is no JSON is the token itself. */
function readAnswer(
  text: string,
  field: string,
): { readonly token: unknown; readonly lifeMs: number } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return { token: text.trim(), lifeMs: 0 }
  }
  if (typeof parsed === 'string') return { token: parsed, lifeMs: 0 }
  if (typeof parsed !== 'object' || parsed === null) return { token: undefined, lifeMs: 0 }
  const members = new Map<string, unknown>(Object.entries(parsed))
  const seconds = Number(members.get('expires_in'))
  return {
    token: members.get(field),
    lifeMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0,
  }
}

/** Of `fetch`, which tells the reason in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return connectionTrouble(cause)
}
