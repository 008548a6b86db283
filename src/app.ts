import { v7 } from 'uuid'
import { adapters } from './app/adapters.ts'
import { type AdapterServices, startAdapterServices } from './app/adapter-services.ts'
import { createInstanceId, idTaken } from './app/instance-id.ts'
import { createInstanceWorkers } from './app/instance-workers.ts'
import { startAdapters } from './app/start-adapters.ts'
import { healthChecks } from './app/health-checks.ts'
import { migrateAtStart } from './app/migrate-database.ts'
import { openCache } from './app/open-cache.ts'
import { openMappings } from './app/mappings.ts'
import { openDatabase } from './app/open-database.ts'
import { openStore, storeAddress } from './app/open-store.ts'
import { servedQueues } from './app/pools.ts'
import { programVersion } from './app/program-version.ts'
import {
  allHandlers,
  configurationOf,
  logOf,
  partsOf,
  type StartOptions,
} from './app/start-options.ts'
import { createStatus } from './app/status.ts'
import { systemClock } from './app/system-clock.ts'
import { Teardown } from './app/teardown.ts'
import { createClientSlots } from './client-slots/client-slots.ts'
import type { Configuration } from './config/configuration.ts'
import { closest } from './config/suggestion.ts'
import { CrossdockError, errorMessage } from './domain/errors.ts'
import { parseInput } from './handler-kit/validate-input.ts'
import { createHealthResource } from './http/health.ts'
import { createJobWaits } from './http/job-waits.ts'
import { createJobsResource } from './http/jobs.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { createGroupCommit } from './ingest/group-commit.ts'
import { inboxKey } from './ingest/inbox-key.ts'
import { createMessageSink } from './ingest/message-sink.ts'
import { createHealth } from './observe/health.ts'
import { OPEN_FLOW } from './ports/flow.ts'
import type { Log } from './ports/log.ts'
import { createScheduler } from './scheduler/scheduler.ts'
import { startWakeUps } from './worker/wake-ups.ts'
import { createTurnGiver } from './worker/turns.ts'

export { loadHandlerFolders } from './app/load-handlers.ts'
export { migrateDatabase } from './app/migrate-database.ts'
export { openDatabase } from './app/open-database.ts'
export { runSql } from './app/run-sql.ts'
export type { Part, StartOptions } from './app/start-options.ts'
export { testMapping } from './app/test-mapping.ts'

/** A running instance. */
export interface CrossdockInstance {
  /** Where it listens; `undefined`: it serves no HTTP. */
  readonly url: string | undefined
  readonly configuration: Configuration
  /** What comes with it, such as a broker, and where that is. */
  readonly services: AdapterServices['services']
  /** What `/status` shows. */
  status(): Promise<object>
  isRunning(): boolean
  /** How busy its workers are; `undefined`: it has none. */
  statistics(): object | undefined
  /**
   * Takes nothing in any more, lets running handlers finish within the grace period, gives back what has
   * not begun, and ends. With the reason `exception`, handlers that still run then have failed an
   * attempt. May be called twice.
   */
  shutdown(reason?: string): Promise<void>
  /**
   * Resolves when it has ended. Rejects as soon as it cannot go on (its embedded database has ended by
   * itself, another live process has its `instance.id`), while the rest of it is still being ended; {@link CrossdockInstance.shutdown} then waits for that.
   */
  readonly stopped: Promise<void>
}

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
  const serving = servedQueues(jobs, options.queues)

  const handlers = await allHandlers(configuration, options, log)
  for (const { protocol, name, handler } of configuration.subscriptions) {
    if (!parts.has('worker') || handlers.get(handler) !== undefined) continue
    log.warn(
      { subscription: `${protocol}:${name}`, handler },
      'a subscription names a handler that no folder of jobs.handlers has: its jobs wait for another instance',
    )
  }

  const database = await openDatabase(configuration, log)
  teardown.add('database', () => database.close())
  await migrateAtStart(database, configuration, log)
  const address = storeAddress(database, configuration)
  const store = openStore(address, configuration.database.poolSize, log)
  teardown.add('store', () => store.close())
  // Health is answered until the handlers have ended; nothing else is, from the first moment on.
  const listening: { server?: HttpServer } = {}
  teardown.add('http', async () => await listening.server?.close({ graceMs: HTTP_GRACE_MS }))
  await store.ping()

  /** Whether an exception that nobody caught ends this instance. */
  let faulty = false
  const cache = openCache(configuration, { clock, log })
  teardown.add('cache', () => cache.close())
  const wakeUps = await startWakeUps({
    channels: [...(configuration.database.notify ? [store] : []), ...cache.channels],
    clock,
    log,
  })
  teardown.add('wake-ups', () => wakeUps.stop())
  const turns = createTurnGiver({ store, wakeUps, clock, log })
  turns.start()
  teardown.add('turns', () => turns.stop())
  teardown.add('locks', () => cache.locks.stop())

  const instanceId = createInstanceId({
    store,
    request: { id: instance.id, token, leaseMs: jobs.leaseMs },
    clock,
    log,
  })
  if (parts.has('worker')) teardown.add('instance id', () => instanceId.giveBack())
  const workers = parts.has('worker')
    ? createInstanceWorkers(configuration, {
        serving,
        token,
        address,
        store,
        handlers,
        wakeUps,
        locks: cache.locks,
        clock,
        makeId,
        random,
        log,
      })
    : undefined
  if (workers !== undefined)
    teardown.add('workers', () => workers.stop(jobs.shutdownGraceMs, faulty))

  const scheduler = parts.has('scheduler')
    ? createScheduler({
        store,
        wakeUps,
        clock,
        log,
        checkIntervalMs: jobs.schedulerCheckIntervalMs,
        random,
      })
    : undefined
  if (scheduler !== undefined) teardown.add('scheduler', () => scheduler.stop())

  const commit = createGroupCommit({ store, wakeUps, clock, log, random })
  teardown.add('ingest', () => commit.close())
  const mappings = openMappings(parts.has('ingest') ? configuration.subscriptions : [], log)
  teardown.add('expressions', () => mappings.stop())
  const sink = createMessageSink({
    subscriptions: configuration.subscriptions,
    mappings,
    handlers,
    parseInput,
    commit,
    store,
    makeId,
    now: Date.now,
    log,
  })

  const health = createHealth({
    clock,
    checks: { ...healthChecks({ store, commit, workers, scheduler }), ...cache.checks },
  })
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
    adapters: () => running?.health() ?? [],
    parts: [...parts],
  })
  const waits = createJobWaits({ store, clock })
  const server = createHttpServer({
    host: httpSettings.host,
    port: httpSettings.port,
    bodyLimitBytes: httpSettings.bodyLimitBytes,
    log,
    resources: [
      createHealthResource({ health, status }),
      ...(parts.has('api')
        ? [
            createJobsResource({
              store,
              waits,
              enqueue: async (job) => {
                const outcome = await commit.add(job)
                return { jobId: outcome.jobId, duplicate: outcome.outcome === 'duplicate' }
              },
              handlers,
              parseInput,
              inboxKey,
              closest,
              makeId,
              now: Date.now,
            }),
          ]
        : []),
    ],
  })
  listening.server = server
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
  const running = parts.has('ingest')
    ? await startAdapters({
        adapters,
        configuration,
        flow: () => OPEN_FLOW,
        sink,
        http: server.host,
        jobs: waits,
        slots,
        log,
      })
    : undefined
  if (running !== undefined) teardown.add('adapters', () => running.stop())
  // Before the adapters, which wait for the requests that they are answering.
  teardown.add('waits', async () => waits.stop())

  const stopped = Promise.withResolvers<undefined>()
  // Nobody need listen to it.
  stopped.promise.catch(() => undefined)
  let ending: Promise<void> | undefined
  function shutdown(reason?: string): Promise<void> {
    ending ??= (async () => {
      faulty = reason === 'exception'
      log.info({ reason }, 'stopping')
      server.drain()
      await teardown.run(log)
      log.info({}, 'stopped')
      stopped.resolve(undefined)
    })()
    return ending
  }
  function fail(error: Error, reason: string): void {
    if (ending !== undefined) return
    log.error({ err: error }, `${reason}; this instance ends`)
    stopped.reject(error)
    void shutdown(reason)
  }
  database.onExit((reason) => {
    fail(new CrossdockError('database_unavailable', reason), 'the embedded database has ended')
  })
  if (workers !== undefined) {
    workers.onReplaced(() => {
      fail(idTaken(instance.id), 'another process has taken the instance.id meanwhile')
    })
    // The API and the adapters need not wait until a former holder's time is over.
    instanceId
      .take()
      .then((taken) => {
        if (taken && ending === undefined) workers.start()
      })
      .catch((error: unknown) => {
        fail(asError(error), 'the workers could not be started')
      })
  }
  scheduler?.start()
  const { url } = await server.listen()
  log.info({ url, parts: [...parts], handlers: handlers.names().length }, 'crossdock is running')

  return {
    url,
    configuration,
    services: services?.services ?? [],
    status,
    isRunning: () => ending === undefined,
    statistics: () => workers?.statistics(),
    shutdown,
    stopped: stopped.promise,
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new CrossdockError('usage', errorMessage(thrown))
}
