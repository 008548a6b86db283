import type { AuthOptions } from '../auth-options.ts'
import { exchange } from './exchange.ts'
import { createLine, type LineOptions } from './line.ts'
import type { RequestHeaders } from './message-headers.ts'
import { createTokens, type Tokens } from './tokens.ts'

const TOKEN_TIMEOUT_MS = 15_000
const MAX_TOKEN_BYTES = 65_536

/** Headers that show who sends, or why there are none now. */
export type Shown =
  | { readonly ok: true; readonly headers: RequestHeaders; readonly token?: string | undefined }
  | { readonly ok: false; readonly error: string }

/** What shows who sends. */
export interface Credentials {
  show(): Promise<Shown>
  /** The same after what was shown was not taken; left out: nothing else can be shown. */
  readonly showAnew?: ((refused: Shown) => Promise<Shown>) | undefined
  close(): void
}

/** The credentials of a connection. They are secrets, and stand in no error and no log. */
export function createCredentials(auth: AuthOptions | undefined, line: LineOptions): Credentials {
  switch (auth?.type) {
    case undefined:
      return fixed({})
    case 'basic':
      return fixed({ authorization: basic(auth.username ?? '', auth.password ?? '') })
    case 'bearer':
      return fixed({ authorization: `Bearer ${auth.token ?? ''}` })
    case 'api_key':
      return fixed({ [(auth.header ?? '').toLowerCase()]: auth.value ?? '' })
    case 'oauth2':
      return clientCredentials(auth, line)
  }
}

function fixed(headers: RequestHeaders): Credentials {
  return { show: async () => ({ ok: true, headers }), close: () => undefined }
}

function clientCredentials(auth: AuthOptions, lineOptions: LineOptions): Credentials {
  const url = new URL(auth.token_url ?? '')
  // The name that the certificate must have is that of base_url, which may be another host.
  const tls =
    lineOptions.tls === undefined ? undefined : { ...lineOptions.tls, server_name: undefined }
  const line = createLine(url, { ...lineOptions, tls, maxConnections: 1 })
  const closed = new AbortController()
  const tokens = createTokens({
    ask: () =>
      exchange({ method: 'POST', path: url.pathname + url.search, ...tokenRequest(auth) }, line, {
        timeoutMs: TOKEN_TIMEOUT_MS,
        maxBodyBytes: MAX_TOKEN_BYTES,
        signal: closed.signal,
      }),
    now: () => performance.now(),
  })
  return {
    show: async () => shown(await tokens.get()),
    showAnew: async (refused) =>
      shown(await tokens.renew((refused.ok ? refused.token : undefined) ?? '')),
    close: () => {
      closed.abort()
      line.close()
    },
  }
}

function shown(result: Awaited<ReturnType<Tokens['get']>>): Shown {
  if (!result.ok) return result
  return { ok: true, headers: { authorization: `Bearer ${result.token}` }, token: result.token }
}

/** Source: RFC 6749, sections 2.3.1 and 4.4.2. */
function tokenRequest(auth: AuthOptions): {
  readonly headers: RequestHeaders
  readonly body: Uint8Array
} {
  const { client_id: id = '', client_secret: secret = '', scope, audience, style = 'basic' } = auth
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) form.set('scope', scope)
  if (audience !== undefined) form.set('audience', audience)
  if (style === 'body') {
    form.set('client_id', id)
    form.set('client_secret', secret)
  }
  return {
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(style === 'basic' && { authorization: basic(formEncoded(id), formEncoded(secret)) }),
    },
    body: Buffer.from(form.toString()),
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
