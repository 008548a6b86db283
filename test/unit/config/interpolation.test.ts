import path from 'node:path'
import { expect, test } from 'vitest'
import { load, problemsOf } from './load-from.ts'

test('a variable stands for its value, alone or inside a text', async () => {
  const env = { NAME: 'shop', HOST: 'db.internal' }
  const { configuration } = await load(
    '{ "instance": { "name": "${NAME}" }, "database": { "url": "postgresql://${HOST}/${NAME}" } }',
    { env },
  )
  expect(configuration.instance.name).toBe('shop')
  expect(configuration.database.url).toBe('postgresql://db.internal/shop')
})

test('a default stands in for a variable that is not set, or empty', async () => {
  const text = '{ "instance": { "name": "${NAME:fallback}" } }'
  expect((await load(text)).configuration.instance.name).toBe('fallback')
  expect((await load(text, { env: { NAME: '' } })).configuration.instance.name).toBe('fallback')
  expect((await load(text, { env: { NAME: 'set' } })).configuration.instance.name).toBe('set')
})

test('a default may hold colons', async () => {
  const text = '{ "database": { "url": "${URL:postgresql://localhost:5432/app}" } }'
  expect((await load(text)).configuration.database.url).toBe('postgresql://localhost:5432/app')
})

test('a file stands for its text without the newline at its end, relative to the configuration', async () => {
  const { configuration } = await load(
    '{ "database": { "url": "postgresql://app:${file:secrets/password}@host/db" } }',
    { files: { [path.join('secrets', 'password')]: 'hunter2\n' } },
  )
  expect(configuration.database.url).toBe('postgresql://app:hunter2@host/db')
})

test('a whole reference takes the type that its key needs', async () => {
  const env = {
    PORT: '0',
    ON: 'false',
    WAIT: '7',
    TEXT_WAIT: '250ms',
    FOLDERS: '["a", "b"]',
    N: '12',
  }
  const { configuration } = await load(
    `{ "http": { "port": "\${PORT}" }, "instance": { "name": "\${N}" },
       "jobs": { "enabled": "\${ON}", "poll_interval": "\${WAIT}", "lease_seconds": "\${LEASE:45}",
                 "shutdown_grace_seconds": "\${TEXT_WAIT}", "handlers": "\${FOLDERS}" } }`,
    { env },
  )
  expect(configuration.http.port).toBe(0)
  expect(configuration.instance.name).toBe('12')
  expect(configuration.jobs).toMatchObject({
    enabled: false,
    pollIntervalMs: 7_000,
    leaseMs: 45_000,
    shutdownGraceMs: 250,
    handlerFolders: [path.join(import.meta.dirname, 'a'), path.join(import.meta.dirname, 'b')],
  })
})

test('a text that only begins with a reference stays text', async () => {
  expect(await problemsOf('{ "http": { "port": "${A}80" } }', { env: { A: '80' } })).toHaveLength(1)
})

test('a doubled dollar sign escapes a reference', async () => {
  const text = '{ "jobs": { "handlers": ["$${NAME}/x", "a$b"] } }'
  expect((await load(text)).configuration.jobs.handlerFolders).toEqual([
    path.join(import.meta.dirname, '${NAME}/x'),
    path.join(import.meta.dirname, 'a$b'),
  ])
})

test('all missing variables and files are listed at once, and nothing more is said of their values', async () => {
  const problems = await problemsOf(
    `{ "http": { "port": "\${PORT}" },
       "database": { "type": "postgresql", "url": "postgresql://\${USER}:\${file:pw}@\${HOST}/db" } }`,
  )
  expect(problems).toEqual([
    '1:21 http.port: the variable PORT is not set; set it, or give a default: ${PORT:default}',
    '2:51 database.url: the variable USER is not set; set it, or give a default: ${USER:default}',
    '2:51 database.url: the file pw cannot be read: no such file',
    '2:51 database.url: the variable HOST is not set; set it, or give a default: ${HOST:default}',
  ])
})

test.each([
  ['${}', 'a reference is written'],
  ['${A-B}', 'a reference is written'],
  ['${A', 'no closing }'],
  ['${A:${B}}', 'inside each other'],
  ['${file:}', 'names no file'],
])('the malformed reference %s is explained', async (text, explanation) => {
  const problems = await problemsOf(`{ "instance": { "name": "${text}" } }`, { env: { A: 'a' } })
  expect(problems).toEqual([expect.stringContaining(explanation)])
})

test('a value from the environment or a file is never printed in an error', async () => {
  const problems = await problemsOf(
    `{ "http": { "port": "\${PORT}" }, "database": { "url": "\${URL}", "schema": "\${file:s}" },
       "logging": { "level": "x\${PORT}" } }`,
    { env: { PORT: 'hunter2', URL: 'ftp://hunter2@x' }, files: { s: 'HUNTER2' } },
  )
  expect(problems).toHaveLength(4)
  expect(problems.join('\n').toLowerCase()).not.toContain('hunter2')
})
