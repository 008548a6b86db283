import { expect, test } from 'vitest'
import { load, problemsOf } from './load-from.ts'

test('every kind of mistake is reported at once, in the order of the file, with line and column', async () => {
  const problems = await problemsOf(
    `{
  // comments and trailing commas are fine
  "instance": { "nmae": "x" },
  "database": { "type": "oracle" },
  "jobs": {
    "workers": "many",
    "poll_interval": "5 weeks",
    "max_retries": -1,
  },
  "http": { "port": "\${PORT}", "host": "0.0.0.0" },
  "alerts": [],
  "integrations": { "http": { "subscriptions": [
    { "name": "a", "path": "/api/x", "handler": "h" },
    { "name": "a", "path": "in" },
  ] } },
}`,
  )
  expect(problems.map((problem) => problem.replace(/: .*/, ''))).toEqual([
    '3:17 instance.nmae',
    '4:25 database.type',
    '6:16 jobs.workers',
    '7:22 jobs.poll_interval',
    '8:20 jobs.max_retries',
    '10:21 http.port',
    '10:40 http.host',
    '11:3 alerts',
    '13:28 integrations.http.subscriptions[0].path',
    '14:5 integrations.http.subscriptions[1].handler',
    '14:15 integrations.http.subscriptions[1].name',
    '14:28 integrations.http.subscriptions[1].path',
  ])
})

test('the error carries the same problems for programs', async () => {
  await expect(load('{ "jobs": 5 }')).rejects.toMatchObject({
    code: 'config_invalid',
    details: {
      problems: [
        {
          file: 'load-from.ts',
          line: 1,
          column: 11,
          path: 'jobs',
          message: expect.any(String) as unknown,
        },
      ],
    },
  })
})

test('a mistake of syntax is reported where it stands', async () => {
  expect(await problemsOf('{\n  "jobs": { "workers" 5 }\n}')).toEqual([
    '2:23 a colon is expected here, between key and value',
  ])
  expect(await problemsOf('')).toHaveLength(1)
  expect(await problemsOf('[]')).toEqual(['1:1 a configuration is an object; begin with {'])
})

test('a message says what was expected and what stands there', async () => {
  expect(await problemsOf('{ "http": { "port": 70000 } }')).toEqual([
    '1:21 http.port: must be a whole number from 0 to 65535, but it is 70000',
  ])
  expect(await problemsOf('{ "logging": { "level": "verbose" } }')).toEqual([
    '1:25 logging.level: must be one of "debug", "info", "warn", "error", "silent", but it is "verbose"',
  ])
})

test('a message of an adapter is kept', async () => {
  const text = subscriptions('{ "name": "a", "handler": "h", "path": "in" }')
  expect(await problemsOf(text)).toEqual([
    expect.stringContaining('subscriptions[0].path: must begin with "/"'),
  ])
})

test('an unknown key names the key that was meant, here or elsewhere', async () => {
  const problems = await problemsOf(
    '{ "loging": {}, "jobs": { "pollInterval": 1 }, "max_retries": 1 }',
  )
  expect(problems).toEqual([
    "1:3 loging: unknown key; did you mean 'logging'?",
    "1:27 jobs.pollInterval: unknown key; did you mean 'jobs.poll_interval'?",
    "1:48 max_retries: unknown key; did you mean 'jobs.max_retries'?",
  ])
})

test('an unknown key without a likely meaning lists the keys that there are', async () => {
  expect(await problemsOf('{ "logging": { "zzzzzz": 1 } }')).toEqual([
    '1:16 logging.zzzzzz: unknown key; the keys here are level, format',
  ])
})

test('a key that would reach the prototype is an unknown key', async () => {
  expect(await problemsOf('{ "jobs": { "queues": { "__proto__": {} } } }')).toHaveLength(1)
})

test('a key that stands twice is refused', async () => {
  expect(await problemsOf('{ "jobs": { "workers": 1, "workers": 2 } }')).toEqual([
    '1:27 jobs.workers: stands here twice; keep one of them',
  ])
})

test('two subscriptions of one name are refused', async () => {
  const text = subscriptions(
    '{ "name": "a", "handler": "h", "path": "/a" }, { "name": "a", "handler": "h", "path": "/b" }',
  )
  expect(await problemsOf(text)).toEqual([expect.stringContaining('each name is used once')])
})

test('a subscription called api is refused: its inbox keys would be those of POST /api/jobs', async () => {
  const text = subscriptions('{ "name": "api", "handler": "h", "path": "/in" }')
  expect(await problemsOf(text)).toEqual([
    expect.stringContaining('name: the name api is reserved for POST /api/jobs'),
  ])
  const other = subscriptions('{ "name": "api2", "handler": "h", "path": "/in" }')
  expect(await problemsOf(other)).toEqual([])
})

test('two subscriptions that take the same requests are refused, whatever their parameters are called', async () => {
  const text = subscriptions(
    '{ "name": "a", "handler": "h", "path": "/in/:x" }, { "name": "b", "handler": "h", "path": "/in/:y" }',
  )
  expect(await problemsOf(text)).toEqual([expect.stringContaining('takes the same requests')])
})

test('two subscriptions of one path and two methods are allowed', async () => {
  const text = subscriptions(
    '{ "name": "a", "handler": "h", "path": "/in" }, { "name": "b", "handler": "h", "path": "/in", "method": "PUT" }',
  )
  expect(await problemsOf(text)).toEqual([])
})

test.each([
  '/api',
  '/api/x',
  '/health',
  '/livez',
  '/readyz',
  '/status/a',
  '/metrics',
  '/docs',
  '/openapi.json',
])('a subscription at the reserved path %s is refused', async (path) => {
  const text = subscriptions(`{ "name": "a", "handler": "h", "path": "${path}" }`)
  expect(await problemsOf(text)).toEqual([expect.stringContaining('reserved')])
})

test('a subscription beside a reserved path is allowed', async () => {
  const text = subscriptions('{ "name": "a", "handler": "h", "path": "/apiary" }')
  expect(await problemsOf(text)).toEqual([])
})

test.each(['0.0.0.0', '::', '192.168.1.2', 'example.org'])(
  'listening on %s without authentication is refused unless it is allowed',
  async (host) => {
    expect(await problemsOf(`{ "http": { "host": "${host}" } }`)).toHaveLength(1)
    const allowed = `{ "http": { "host": "${host}" }, "auth": { "allow_anonymous": true } }`
    expect(await problemsOf(allowed)).toEqual([])
  },
)

test.each(['127.0.0.1', '127.9.9.9', 'localhost', 'Localhost', '::1', '[::1]'])(
  'listening on %s needs no authentication',
  async (host) => {
    expect(await problemsOf(`{ "http": { "host": "${host}" } }`)).toEqual([])
  },
)

test('an address of the database is never shown', async () => {
  const problems = await problemsOf('{ "database": { "url": "oracle://me:hunter2@host/db" } }')
  expect(problems).toHaveLength(1)
  expect(problems[0]).not.toContain('hunter2')
})

test('the embedded database with an address is a contradiction', async () => {
  const text = '{ "database": { "type": "embedded", "url": "postgresql://host/db" } }'
  expect(await problemsOf(text)).toEqual([expect.stringContaining('contradicts')])
})

test('the type postgresql needs an address', async () => {
  expect(await problemsOf('{ "database": { "type": "postgresql" } }')).toEqual([
    expect.stringContaining('database.url: is missing'),
  ])
})

test('mistakes inside the certificates of tls are reported key by key', async () => {
  const problems = await problemsOf('{ "database": { "tls": { "ca": "ca.pem" } } }')
  expect(problems).toEqual([expect.stringContaining('database.tls.ca: must be PEM text')])
})

function subscriptions(elements: string): string {
  return `{ "integrations": { "http": { "subscriptions": [${elements}] } } }`
}
