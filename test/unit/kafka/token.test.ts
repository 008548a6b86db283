import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { grantedToken, type TokenGrant } from '../../../adapters/kafka/token.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'

interface Asked {
  readonly request: IncomingMessage
  readonly body: string
}

/** A server of tokens, which gives these answers one after the other. */
async function tokenServer(answers: readonly (readonly [status: number, body: unknown])[]) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, answer] = answers[asked.length] ?? [500, {}]
      asked.push({ request, body })
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return { asked, url: `http://127.0.0.1:${address.port}/token` }
}

function grant(url: string): TokenGrant {
  return { url, clientId: 'a b', clientSecret: 'ge:heim', scope: 'kafka', audience: undefined }
}

describe('the token of a sign-in', () => {
  it('is asked for by the client credentials grant, once for all who want it', async () => {
    const { asked, url } = await tokenServer([[200, { access_token: 't1', expires_in: 3600 }]])
    const token = grantedToken(grant(url), () => 0)
    expect(await Promise.all([token(), token(), token()])).toEqual(['t1', 't1', 't1'])
    expect(await token()).toBe('t1')
    expect(asked.length).toBe(1)
    const [first] = asked
    expect(first?.body).toBe('grant_type=client_credentials&scope=kafka')
    const basic = Buffer.from('a+b:ge%3Aheim').toString('base64')
    expect(first?.request.headers.authorization).toBe(`Basic ${basic}`)
  })

  it('is asked for again shortly before its end', async () => {
    const { url } = await tokenServer([
      [200, { access_token: 't1', expires_in: 600 }],
      [200, { access_token: 't2', expires_in: 600 }],
    ])
    let now = 0
    const token = grantedToken(grant(url), () => now)
    expect(await token()).toBe('t1')
    now = 569_000
    expect(await token()).toBe('t1')
    now = 571_000
    expect(await token()).toBe('t2')
  })

  it.each<[string, number, unknown, RegExp]>([
    ['refuses', 401, { error: 'invalid_client', hint: 'ge:heim' }, /401 \(invalid_client\)/],
    ['has none', 200, { token_type: 'bearer' }, /without a token/],
    ['has one that no sign-in can carry', 200, { access_token: 'a\nb' }, /without a token/],
  ])(
    'is told to be missing when the server %s, and asked for again',
    async (_, status, body, said) => {
      const { url } = await tokenServer([
        [status, body],
        [200, { access_token: 't2', expires_in: 600 }],
      ])
      const token = grantedToken(grant(url), () => 0)
      const error: unknown = await token().catch((thrown: unknown) => thrown)
      expect(isCrossdockError(error, 'connection_failed')).toBe(true)
      expect(String(error)).toMatch(said)
      expect(String(error)).not.toContain('heim')
      expect(await token()).toBe('t2')
    },
  )

  it('is told to be missing when there is no server', async () => {
    const token = grantedToken(grant('http://127.0.0.1:1/token'), () => 0)
    await expect(token()).rejects.toMatchObject({ code: 'connection_failed' })
  })
})
