import path from 'node:path'
import { expect, test } from 'vitest'
import { adapters } from '../../../src/app/adapters.ts'
import { configurationFromObject, loadConfiguration } from '../../../src/config/load.ts'
import { DEFAULT_RETRY_POLICY } from '../../../src/domain/retry.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { httpAdapter, load, problemsOf } from './load-from.ts'

const here = import.meta.dirname

test('an empty configuration has the documented defaults', async () => {
  const { configuration } = await load('{}')
  expect(configuration).toMatchObject({
    file: path.join(here, 'load-from.ts'),
    directory: here,
    instance: { name: 'crossdock' },
    database: {
      type: 'embedded',
      schema: 'public',
      poolSize: 7,
      tls: false,
      migrate: true,
      dataDir: path.join(here, 'data/postgresql'),
      notify: true,
    },
    jobs: {
      enabled: true,
      workers: 5,
      pollIntervalMs: 5_000,
      maxRetries: 3,
      timeoutSeconds: 300,
      leaseMs: 30_000,
      retry: DEFAULT_RETRY_POLICY,
      queues: {},
      handlerFolders: [],
      shutdownGraceMs: 30_000,
      historyPayloads: 'changed',
    },
    http: { host: '127.0.0.1', port: 8080, bodyLimitBytes: 1_048_576, allowAnonymous: false },
    subscriptions: [],
    logging: { level: 'info', format: 'auto' },
    warnings: [],
  })
})

test('two loads of one file are two instances', async () => {
  const [one, other] = [await load('{}'), await load('{}')]
  expect(one.configuration.instance.id).not.toBe(other.configuration.instance.id)
})

test('the type of the database is inferred from the address', async () => {
  const { configuration } = await load('{ "database": { "url": "postgres://host/db" } }')
  expect(configuration.database.type).toBe('postgresql')
})

test('an empty address counts as left out', async () => {
  const { configuration } = await load('{ "database": { "url": "${URL:}" } }')
  expect(configuration.database).toMatchObject({ type: 'embedded', url: undefined })
})

test('the pool has a connection for every worker, and two', async () => {
  const { configuration } = await load(
    '{ "jobs": { "workers": 3, "queues": { "mail": { "workers": 4 }, "slow": { "paused": true } } } }',
  )
  expect(configuration.database.poolSize).toBe(12)
  expect(configuration.jobs.queues).toEqual({
    mail: { workers: 4, paused: false },
    slow: { workers: 3, paused: true },
  })
})

test('the options of a subscription are what its adapter puts out', async () => {
  const { configuration } = await load(
    `{ "integrations": { "http": { "subscriptions": [
      { "name": "a", "handler": "h", "path": "/in", "timeout": "2m", "max_retries": 0, "content_type": "text" } ] } } }`,
  )
  expect(configuration.subscriptions).toEqual([
    {
      protocol: 'http',
      name: 'a',
      handler: 'h',
      queue: undefined,
      priority: undefined,
      maxRetries: 0,
      timeoutSeconds: 120,
      contentType: 'text',
      atLeastOnceWhen: expect.any(String) as unknown,
      routes: [],
      options: { path: '/in', method: 'POST' },
    },
  ])
})

test('back-pressure ends at half of its limit, unless that is said', async () => {
  const text = (limits: string): string =>
    `{ "integrations": { "http": { "subscriptions": [
      { "name": "orders", "path": "/in", "handler": "h", "backpressure": ${limits} } ] } } }`
  const limitsOf = async (limits: string) =>
    (await load(text(limits))).configuration.subscriptions[0]?.backpressure
  expect(await limitsOf('{ "pause_above": 101 }')).toEqual({ pauseAbove: 101, resumeBelow: 51 })
  expect(await limitsOf('{ "pause_above": 1 }')).toEqual({ pauseAbove: 1, resumeBelow: 1 })
  expect(await limitsOf('{ "pause_above": 9, "resume_below": 9 }')).toMatchObject({
    resumeBelow: 9,
  })
  expect(await problemsOf(text('{ "pause_above": 9, "resume_below": 10 }'))).toEqual([
    expect.stringMatching(/backpressure.resume_below: .*must not be more than pause_above/),
  ])
  expect(await problemsOf(text('{ "pause_above": 0 }'))).toHaveLength(1)
})

test('what has no effect is warned of', async () => {
  const { configuration } = await load(
    '{ "jobs": { "use_redis": true }, "database": { "url": "postgresql://h/d", "port": 0 } }',
  )
  expect(configuration.warnings).toEqual([
    expect.stringContaining('jobs.use_redis'),
    expect.stringContaining('database.port'),
  ])
})

test('a port from the command line stands in for the one of the file', async () => {
  const { configuration } = await configurationFromObject(
    { http: { port: 1 } },
    { adapters: [], mappingCheck, env: {}, directory: here, port: 0 },
  )
  expect(configuration.http.port).toBe(0)
})

test('a configuration given as an object is checked alike, without positions', async () => {
  const options = { adapters: [httpAdapter], mappingCheck, env: {}, directory: here }
  const { configuration } = await configurationFromObject({ jobs: { handlers: ['x'] } }, options)
  expect(configuration).toMatchObject({ file: undefined, directory: here })
  expect(configuration.jobs.handlerFolders).toEqual([path.join(here, 'x')])
  await expect(configurationFromObject({ jobs: { wrkers: 1 } }, options)).rejects.toThrow(
    "The configuration has 1 problem:\n  jobs.wrkers: unknown key; did you mean 'jobs.workers'?",
  )
  await expect(
    configurationFromObject({ instance: { name: () => 'x' } }, options),
  ).rejects.toMatchObject({ code: 'config_invalid' })
})

test('a file that is not there is named, with what named it', async () => {
  const options = { cwd: here, adapters: [], mappingCheck }
  await expect(loadConfiguration({ ...options, path: 'no.json', env: {} })).rejects.toMatchObject({
    code: 'config_not_found',
    message: `--config names ${path.join(here, 'no.json')}, where there is no file.`,
  })
  const env = { CROSSDOCK_CONFIG: 'other.json' }
  await expect(loadConfiguration({ ...options, env })).rejects.toThrow('CROSSDOCK_CONFIG names')
  await expect(loadConfiguration({ ...options, env: {} })).rejects.toThrow('--config FILE')
})

test('the default configuration of the repository is sound', async () => {
  const { configuration, variables } = await loadConfiguration({
    cwd: path.resolve(here, '../../..'),
    env: {},
    adapters,
    mappingCheck,
  })
  expect(configuration.file).toMatch(/config.configuration\.json$/)
  expect(configuration.subscriptions.map(({ name }) => name)).toEqual(['hello', 'slow', 'demo'])
  expect(configuration.publications.map(({ name }) => name)).toEqual(['demo-out'])
  expect(variables.get('http.port')).toEqual(['CROSSDOCK_HTTP_PORT'])
  expect(variables.get('integrations.mqtt.embedded_broker.port')).toEqual(['CROSSDOCK_MQTT_PORT'])
})
