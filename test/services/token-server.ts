import { createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'

/** A server of access tokens by OAuth's client credentials grant. They are JWTs, signed with RS256. */
export interface TokenServer {
  /** Where tokens are asked for. */
  readonly url: string
  /** Where it says by which key it signs. */
  readonly keysUrl: string
  readonly issuer: string
  /** Whom it gives tokens to. */
  readonly client: { readonly id: string; readonly secret: string }
  /** A token for this audience, as the server itself gives it. */
  token(audience: string): string
  close(): void
}

const KEY_ID = 'tests'
const LIFE_SECONDS = 3_600
const CLIENT = { id: 'token client', secret: 'token:secret' }

/** Starts it on a free port of 127.0.0.1. It ends with this process. Source: RFC 6749, sections 2.3.1 and 4.4; RFC 7517. */
export async function startTokenServer(): Promise<TokenServer> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const keys = { keys: [{ ...publicJwk(privateKey), kid: KEY_ID, alg: 'RS256', use: 'sig' }] }
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (request.url === '/keys') {
      answer(200, keys)
      return
    }
    void text(request).then((body) => {
      const form = new URLSearchParams(body)
      if (form.get('grant_type') !== 'client_credentials') {
        answer(400, { error: 'unsupported_grant_type' })
      } else if (!isClient(request)) {
        answer(401, { error: 'invalid_client' })
      } else {
        const token = tokenFor(form.get('audience') ?? '')
        answer(200, { access_token: token, token_type: 'Bearer', expires_in: LIFE_SECONDS })
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function tokenFor(audience: string): string {
    const now = Math.floor(Date.now() / 1_000)
    const claims = { iss: issuer, sub: CLIENT.id, aud: audience, iat: now, exp: now + LIFE_SECONDS }
    return signed({ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, claims, privateKey)
  }

  return {
    url: `${issuer}/token`,
    keysUrl: `${issuer}/keys`,
    issuer,
    client: CLIENT,
    token: tokenFor,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function publicJwk(privateKey: KeyObject): object {
  return createPublicKey(privateKey).export({ format: 'jwk' })
}

/** Its name and its secret are form-encoded, each by itself, before they are joined. */
function isClient({ headers }: IncomingMessage): boolean {
  const encoded = (one: string): string => new URLSearchParams([['', one]]).toString().slice(1)
  const name = `${encoded(CLIENT.id)}:${encoded(CLIENT.secret)}`
  return headers.authorization === `Basic ${Buffer.from(name).toString('base64')}`
}

/** Source: RFC 7515, section 7.1. */
function signed(header: object, claims: object, key: KeyObject): string {
  const content = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${content}.${sign('RSA-SHA256', Buffer.from(content), key).toString('base64url')}`
}
