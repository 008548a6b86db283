import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { message, startPublisher } from './started-publisher.ts'

interface TokenServer {
  readonly url: string
  /** What each request said: its `authorization` and its form. */
  readonly asked: { readonly authorization: string | undefined; readonly form: string }[]
}

const SECRET = 'the secret+of/the client'
const TOKEN = 'token-number-'

async function startServer(
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => handle(request, body, response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Gives the tokens 1, 2, 3, … as long as `answer` says nothing else. */
async function startTokenServer(
  answer: (count: number, response: ServerResponse) => boolean = () => false,
): Promise<TokenServer> {
  const asked: TokenServer['asked'] = []
  const url = await startServer(({ headers }, form, response) => {
    asked.push({ authorization: headers.authorization, form })
    if (answer(asked.length, response)) return
    const token = {
      access_token: `${TOKEN}${asked.length}`,
      token_type: 'Bearer',
      expires_in: 3600,
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(token))
  })
  return { url: `${url}/token`, asked }
}

const oauth = (url: string, more = {}) => ({
  auth: {
    type: 'oauth2' as const,
    token_url: url,
    client_id: 'me:1',
    client_secret: SECRET,
    ...more,
  },
})

/** A far side that takes one token alone. */
async function startGuarded(good: () => string): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const url = await startServer(({ headers }, _body, response) => {
    const token = headers.authorization ?? ''
    seen.push(token)
    response.statusCode = token === `Bearer ${good()}` ? 200 : 401
    response.end()
  })
  return { url, seen }
}

describe('client credentials', () => {
  test('are asked for once for many messages, and kept', async () => {
    const tokens = await startTokenServer()
    const far = await startGuarded(() => `${TOKEN}1`)
    const { publish } = await startPublisher(far.url, {
      connection: oauth(tokens.url, { scope: 'a b', audience: 'x' }),
    })
    const many = Array.from({ length: 30 }, (_, index) => message({ id: `job-${index}` }))
    expect(new Set((await publish(many)).map(({ outcome }) => outcome))).toEqual(
      new Set(['published']),
    )
    expect(await publish(many.slice(0, 2))).toHaveLength(2)
    expect(tokens.asked).toHaveLength(1)
    expect(tokens.asked[0]?.form).toBe('grant_type=client_credentials&scope=a+b&audience=x')
    const pair = Buffer.from(tokens.asked[0]?.authorization?.slice('Basic '.length) ?? '', 'base64')
    expect(pair.toString()).toBe('me%3A1:the+secret%2Bof%2Fthe+client')
  })

  test('go into the body where the server wants that', async () => {
    const tokens = await startTokenServer()
    const far = await startGuarded(() => `${TOKEN}1`)
    const { one } = await startPublisher(far.url, {
      connection: oauth(tokens.url, { style: 'body' }),
    })
    expect(await one()).toMatchObject({ outcome: 'published' })
    const [{ authorization, form } = { authorization: '', form: '' }] = tokens.asked
    expect(authorization).toBeUndefined()
    expect(new URLSearchParams(form).get('client_secret')).toBe(SECRET)
  })

  test('that were withdrawn are got anew once, for all who met that', async () => {
    const tokens = await startTokenServer()
    const far = await startGuarded(() => `${TOKEN}2`)
    const { publish } = await startPublisher(far.url, { connection: oauth(tokens.url) })
    const results = await publish([message(), message({ id: 'job-2' }), message({ id: 'job-3' })])
    expect(results.map(({ outcome }) => outcome)).toEqual(['published', 'published', 'published'])
    expect(tokens.asked).toHaveLength(2)
    expect(far.seen).toHaveLength(6)
  })

  test('that are never taken refuse a message, and not for good', async () => {
    const tokens = await startTokenServer()
    const far = await startGuarded(() => 'another')
    const { one } = await startPublisher(far.url, { connection: oauth(tokens.url) })
    const result = await one()
    expect(result).toMatchObject({ outcome: 'refused', permanent: false })
    expect(JSON.stringify(result)).not.toContain(TOKEN)
    expect(far.seen).toEqual([`Bearer ${TOKEN}1`, `Bearer ${TOKEN}2`])
  })

  test.each([
    [401, '{"error":"invalid_client"}', 'answered 401 (invalid_client)'],
    [500, 'oops', 'answered 500'],
    [200, '{}', 'without a token'],
    [200, '{"access_token":"a\\r\\nb"}', 'without a token'],
    [200, '{"access_token":"a","token_type":"mac"}', 'not of the type Bearer'],
    [302, '', 'answered 302'],
  ])(
    'that %i %s does not give leave a message unsent, and are not asked for at once again',
    async (status, body, words) => {
      const tokens = await startTokenServer((_count, response) => {
        response.statusCode = status
        response.end(body)
        return true
      })
      const far = await startGuarded(() => '')
      const { one } = await startPublisher(far.url, { connection: oauth(tokens.url) })
      for (let tries = 0; tries < 3; tries += 1) {
        const result = await one()
        expect(result).toMatchObject({
          outcome: 'unsent',
          error: expect.stringContaining(words) as string,
        })
        expect(JSON.stringify(result)).not.toContain(SECRET)
      }
      expect(tokens.asked).toHaveLength(1)
      expect(far.seen).toEqual([])
    },
  )
})

describe('other credentials', () => {
  test.each([
    [
      { type: 'basic', username: 'Zoë', password: 'p:w' },
      'authorization',
      `Basic ${btoa('Zo\xc3\xab:p:w')}`,
    ],
    [{ type: 'bearer', token: 'abc' }, 'authorization', 'Bearer abc'],
    [{ type: 'api_key', header: 'X-Key', value: 'k' }, 'x-key', 'k'],
  ] as const)('%o are sent, whatever the message says', async (auth, name, value) => {
    const seen: unknown[] = []
    const url = await startServer(({ headers, rawHeaders }, _body, response) => {
      seen.push(headers[name], rawHeaders.filter((each) => each.toLowerCase() === name).length)
      response.end()
    })
    const { one } = await startPublisher(url, { connection: { auth } })
    await one({ headers: { Authorization: 'mine', 'x-key': ['a', 'b'] } })
    expect(seen).toEqual([value, 1])
  })
})
