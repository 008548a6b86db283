import { v7 } from 'uuid'
import { startAdapterServices } from './app/adapter-services.ts'
import { warnOfMissingHandlers } from './app/missing-handlers.ts'
import { deadLetterCopies } from './app/dead-letter-copies.ts'
import { openFoundation } from './app/foundation.ts'
import type { CrossdockInstance } from './app/instance.ts'
import { createInstanceEnd } from './app/instance-end.ts'
import { createInstanceId, idTaken } from './app/instance-id.ts'
import { createInstanceSchedules } from './app/instance-schedules.ts'
import { createInstanceWorkers } from './app/instance-workers.ts'
import { healthChecks } from './app/health-checks.ts'
import { createIntegrations, type Integrations } from './app/integrations.ts'
import { openOutbound, publishBy, withPublications } from './app/outbound.ts'
import { servedQueues } from './app/pools.ts'
import { programVersion } from './app/program-version.ts'
import {
  allAdapters,
  allHandlers,
  configurationOf,
  logOf,
  partsOf,
  type StartOptions,
} from './app/start-options.ts'
import { createStatus } from './app/status.ts'
import { systemClock } from './app/system-clock.ts'
import { type SystemParts, withSystemHandlers } from './app/system-handlers.ts'
import { Teardown } from './app/teardown.ts'
import { createClientSlots } from './client-slots/client-slots.ts'
import type { Configuration } from './config/configuration.ts'
import { CrossdockError, errorMessage } from './domain/errors.ts'
import { parseInput } from './handler-kit/validate-input.ts'
import { createJobWaits } from './http/job-waits.ts'
import type { HttpServer } from './http/server.ts'
import { createDeadLetters } from './ingest/dead-letters.ts'
import { createGroupCommit } from './ingest/group-commit.ts'
import { createMessageSink } from './ingest/message-sink.ts'
import { createHealth } from './observe/health.ts'
import type { IntegrationsReport } from './ports/integrations.ts'
import type { Log } from './ports/log.ts'

export { changePause, listPauses } from './app/change-pause.ts'
export type { CrossdockInstance } from './app/instance.ts'
export { loadHandlerFolders } from './app/load-handlers.ts'
export { migrateDatabase } from './app/migrate-database.ts'
export { probeConnections } from './app/probe-connections.ts'
export { withDeadLetters } from './app/with-dead-letters.ts'
export { runSql } from './app/run-sql.ts'
export type { Part, StartOptions } from './app/start-options.ts'
export { testMapping } from './app/test-mapping.ts'
export { tryDead } from './app/try-dead.ts'
export { tryMessage } from './app/try-message.ts'
export { withSchedules } from './app/with-schedules.ts'

/** Before they are there. */
const NO_INTEGRATIONS: IntegrationsReport = { connections: [], subscriptions: [], publications: [] }

/** How long a process that has died keeps others from its durable sessions, at most, in milliseconds. */
const CLIENT_SLOT_LEASE_MS = 10_000

/** How long requests under way may take at a shutdown, in milliseconds. */
const HTTP_GRACE_MS = 10_000

/**
 * Starts an instance: the database, the migrations, the handlers, the workers, the scheduler, the adapters, and last
 * what listens. Whatever was started is ended again when a later step fails.
 * @throws CrossdockError of any part, such as `config_invalid`, `http_listen_failed`,
 *   `handler_load_failed`, `migration_pending`, `database_unavailable`.
 */
export async function startCrossdock(options: StartOptions = {}): Promise<CrossdockInstance> {
  const configuration = await configurationOf(options)
  const log = options.log ?? logOf(configuration)
  for (const warning of configuration.warnings) log.warn({}, warning)
  const teardown = new Teardown()
  try {
    return await start(configuration, options, log, teardown)
  } catch (error) {
    await teardown.run(log)
    throw error
  }
}

async function start(
  configuration: Configuration,
  options: StartOptions,
  log: Log,
  teardown: Teardown,
): Promise<CrossdockInstance> {
  const { jobs, instance, http: httpSettings } = configuration
  const parts = partsOf(configuration, options)
  const clock = systemClock
  const random = Math.random
  const makeId = v7
  const startedAt = new Date()
  const token = makeId()

  const system: SystemParts = {}
  const found = await allHandlers(configuration, options, log)
  const handlers = withSystemHandlers(found, configuration, clock, system)
  if (parts.has('worker')) warnOfMissingHandlers(configuration, handlers, log)

  // Health is answered until the handlers have ended; nothing else is, from the first moment on.
  const listening: { server?: HttpServer } = {}
  const foundation = await openFoundation(configuration, {
    teardown,
    closeHttp: async () => await listening.server?.close({ graceMs: HTTP_GRACE_MS }),
    clock,
    log,
  })
  const { database, address, store, cache, wakeUps, pauses } = foundation
  /** Why it ends: an exception that nobody caught is the fault of a handler that still runs. */
  const ended: { by?: string | undefined } = {}

  const instanceId = createInstanceId({
    store,
    request: { id: instance.id, token, leaseMs: jobs.leaseMs },
    clock,
    log,
  })
  if (parts.has('worker')) teardown.add('instance id', () => instanceId.giveBack())

  const commit = createGroupCommit({ store, wakeUps, clock, log, random })
  teardown.add('ingest', () => commit.close())
  const adapters = allAdapters(options)
  const subscriptions = parts.has('ingest') ? configuration.subscriptions : []
  const outbound = openOutbound(configuration, {
    isPublishing: parts.has('worker'),
    // The API replays messages, and so does a worker, which then go through the rules of their subscriptions.
    subscriptions:
      parts.has('api') || parts.has('worker') ? configuration.subscriptions : subscriptions,
    adapters,
    clock,
    log,
  })
  const { mappings, publications } = outbound
  teardown.add('expressions', () => mappings.stop())
  const slots = createClientSlots({
    store,
    token,
    clock,
    log,
    leaseMs: Math.min(jobs.leaseMs, CLIENT_SLOT_LEASE_MS),
  })
  teardown.add('client slots', () => slots.stop())
  const services = parts.has('ingest')
    ? await startAdapterServices({ adapters, configuration, log })
    : undefined
  if (services !== undefined) teardown.add('adapter services', () => services.stop())
  const assembled: { integrations?: Integrations } = {}
  const serving = servedQueues(jobs, options.queues, outbound.pools)
  // After the workers: what they are publishing is still confirmed.
  teardown.add('adapters', async () => await assembled.integrations?.stop())
  teardown.add('publications', async () => {
    publications.stop()
  })
  const workers = parts.has('worker')
    ? createInstanceWorkers(configuration, {
        serving: {
          pools: serving.pools,
          serves: (queue) => serving.serves(queue) && !pauses.isQueuePaused(queue),
        },
        token,
        address,
        store,
        handlers: withPublications(handlers, publications),
        publications: publications.directory,
        wakeUps,
        locks: cache.locks,
        clock,
        makeId,
        copiesOf: deadLetterCopies(configuration.subscriptions, makeId),
        random,
        log,
      })
    : undefined
  if (workers !== undefined)
    teardown.add('workers', () => workers.stop(jobs.shutdownGraceMs, ended.by === 'exception'))

  const schedules = await createInstanceSchedules({
    configuration,
    parts,
    database,
    store,
    handlers,
    wakeUps,
    clock,
    makeId,
    random,
    log,
  })
  const { scheduler } = schedules
  teardown.add('schedules', () => schedules.stop())

  const receiving = {
    subscriptions: configuration.subscriptions,
    mappings,
    handlers,
    parseInput,
    commit,
    store,
    makeId,
  }
  const sink = createMessageSink({ ...receiving, now: Date.now, log })
  const deadLetters = createDeadLetters({ ...receiving, now: Date.now })

  const health = createHealth({
    clock,
    checks: {
      ...healthChecks({ store, commit, workers, scheduler, publications }),
      ...cache.checks,
    },
    further: () => assembled.integrations?.health() ?? {},
  })
  const { retention, scheduleBook } = store
  system.sources = { retention, health, deadLetters, now: () => scheduleBook.now() }
  const status = createStatus({
    configuration,
    version: programVersion(),
    startedAt,
    store,
    clock,
    handlers,
    health,
    workers: workers === undefined ? undefined : () => workers.statistics(),
    locks: () => cache.status(),
    scheduler: scheduler === undefined ? undefined : () => scheduler.statistics(),
    ingest: () => ({ waiting: commit.waiting(), healthy: commit.healthy() }),
    integrations: () => assembled.integrations?.report() ?? NO_INTEGRATIONS,
    publications: () => publications.statuses(),
    parts: [...parts],
  })
  const waits = createJobWaits({ store, clock })
  // Commands and handlers load this file as well, and need none of the 180 modules of a server.
  const { createInstanceServer } = await import('./app/instance-server.ts')
  const server = createInstanceServer(httpSettings, {
    ...receiving,
    health,
    status,
    hasApi: parts.has('api'),
    waits,
    schedules: schedules.resource,
    integrations: () => assembled.integrations?.report() ?? NO_INTEGRATIONS,
    pauses,
    queues: Object.keys(jobs.queues),
    deadLetters,
    log,
  })
  listening.server = server
  const integrations = createIntegrations({
    adapters,
    // An instance takes in without workers, and publishes without taking in.
    configuration: { ...configuration, subscriptions, publications: outbound.configured },
    isActive: parts.has('ingest') || parts.has('worker'),
    handlers,
    pauses,
    commit,
    store,
    sink,
    http: server.host,
    jobs: waits,
    slots,
    clock,
    random,
    log,
  })
  assembled.integrations = integrations
  if (integrations.supervisor !== undefined) publishBy(integrations.supervisor, publications)
  await integrations.supervisor?.start()
  // Before the adapters, which wait for the requests that they are answering.
  teardown.add('waits', async () => waits.stop())

  const end = createInstanceEnd({
    drain: () => {
      server.drain()
      integrations.drain()
    },
    teardown,
    log,
  })
  database.onExit((reason) => {
    end.fail(new CrossdockError('database_unavailable', reason), 'the embedded database has ended')
  })
  if (workers !== undefined) {
    workers.onReplaced(() => {
      end.fail(idTaken(instance.id), 'another process has taken the instance.id meanwhile')
    })
    // The API and the adapters need not wait until a former holder's time is over.
    instanceId
      .take()
      .then((taken) => {
        if (taken && !end.isEnding()) workers.start()
      })
      .catch((error: unknown) => {
        end.fail(asError(error), 'the workers could not be started')
      })
  }
  scheduler?.start()
  const { url } = await server.listen()
  const { pid } = process
  log.info(
    { pid, url, parts: [...parts], handlers: handlers.names().length },
    'crossdock is running',
  )

  return {
    url,
    configuration,
    services: services?.services ?? [],
    status,
    isRunning: () => !end.isEnding(),
    statistics: () => workers?.statistics(),
    shutdown: (reason) => {
      ended.by ??= reason
      return end.shutdown(reason)
    },
    stopped: end.stopped,
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new CrossdockError('usage', errorMessage(thrown))
}
