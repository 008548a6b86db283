import path from 'node:path'
import { addressOf } from '../domain/outbound.ts'
import type { RetryPolicy } from '../domain/retry.ts'
import { MAP_KEYS, type MapKey, type MapValue } from '../ports/expressions.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'
import type {
  Configuration,
  DatabaseConfiguration,
  JobsConfiguration,
  PublicationConfiguration,
  RouteConfiguration,
  SubscriptionConfiguration,
  TlsSettings,
} from './configuration.ts'
import { publicationAddress } from './addresses.ts'
import type { IntegrationOptions, NamedOptions, PublicationOptions } from './connections.ts'
import { databaseOfAddress, databaseType, warningsOf } from './cross-checks.ts'
import { makeInstanceId } from './instance-id.ts'
import { valueAt } from './loose-value.ts'
import type { ConfigurationOutput } from './schema/root.ts'
import type { MappingFindings } from './mapping.ts'
import type { SubscriptionOptions } from './subscriptions.ts'

/** Connections beyond one a worker: a handler given up at its time-out holds its own a while longer. */
const SPARE_CONNECTIONS = 2

const DAY_MS = 86_400_000

/** What a configuration is made of, beside what zod put out. */
export interface ConfigurationSource {
  readonly file: string | undefined
  readonly directory: string
  /** Stands in for `http.port`. */
  readonly port?: number | undefined
  readonly integrations: readonly IntegrationOptions[]
  readonly connections: readonly NamedOptions[]
  readonly subscriptions: readonly SubscriptionOptions[]
  readonly publications: readonly PublicationOptions[]
  readonly mapping: MappingFindings
  readonly routeWarnings: readonly string[]
  /** The value before zod: keys that were left out are not in it. */
  readonly given: unknown
}

/** The one place where the snake_case of the file becomes the settings of the program. */
export function toConfiguration(
  output: ConfigurationOutput,
  source: ConfigurationSource,
): Configuration {
  const jobs = jobsConfiguration(output.jobs, source.directory)
  return {
    file: source.file,
    directory: source.directory,
    instance: { name: output.instance.name, id: output.instance.id ?? makeInstanceId() },
    database: databaseConfiguration(output.database, source, totalWorkers(jobs)),
    cache: {
      adapter: output.cache.adapter,
      redis: { nodes: output.cache.redis.nodes, keyPrefix: output.cache.redis.key_prefix },
    },
    jobs,
    http: {
      host: output.http.host,
      port: source.port ?? output.http.port,
      bodyLimitBytes: output.http.body_limit,
      allowAnonymous: output.auth.allow_anonymous,
    },
    integrations: source.integrations,
    connections: source.connections,
    subscriptions: source.subscriptions.flatMap((one) => subscription(output, one, source)),
    publications: source.publications.flatMap((one) => publication(output, one)),
    schedules: output.schedules.map(scheduleSettings),
    logging: { level: output.logging.level, format: output.logging.format },
    warnings: [...warningsOf(source.given), ...source.mapping.warnings, ...source.routeWarnings],
  }
}

function databaseConfiguration(
  database: ConfigurationOutput['database'],
  { given, directory }: ConfigurationSource,
  workers: number,
): DatabaseConfiguration {
  const type = databaseType(given)
  const ownSchema = type !== 'mysql' || valueAt(given, ['database', 'schema']) !== undefined
  return {
    type,
    url: database.url || undefined,
    directUrl: database.direct_url || undefined,
    conditionUrl: database.condition_url || undefined,
    allowUnsafeConditions: database.allow_unsafe_conditions,
    schema: ownSchema ? database.schema : databaseOfAddress(database.url ?? ''),
    poolSize: database.pool_size ?? workers + SPARE_CONNECTIONS,
    tls: tlsSettings(database.tls),
    migrate: database.migrate,
    dataDir: path.resolve(directory, database.data_dir),
    port: database.port,
    notify: database.notify,
  }
}

function tlsSettings(tls: ConfigurationOutput['database']['tls']): boolean | TlsSettings {
  if (typeof tls === 'boolean') return tls
  return { ca: tls.ca, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.reject_unauthorized }
}

function jobsConfiguration(
  jobs: ConfigurationOutput['jobs'],
  directory: string,
): JobsConfiguration {
  const queues = Object.entries(jobs.queues).map(
    ([name, queue]) =>
      [name, { workers: queue.workers ?? jobs.workers, paused: queue.paused }] as const,
  )
  return {
    enabled: jobs.enabled,
    workers: jobs.workers,
    pollIntervalMs: jobs.poll_interval,
    schedulerCheckIntervalMs: jobs.scheduler_check_interval,
    maxRetries: jobs.max_retries,
    timeoutSeconds: jobs.timeout,
    leaseMs: jobs.lease_seconds,
    retry: retryPolicy(jobs.retry),
    queues: Object.fromEntries(queues),
    handlerFolders: jobs.handlers.map((folder) => path.resolve(directory, folder)),
    shutdownGraceMs: jobs.shutdown_grace_seconds,
    historyPayloads: jobs.history_payloads,
    retention: {
      historyMs: keptMs(jobs.job_history_retention_days),
      jobMs: keptMs(jobs.job_retention_days),
      inboxMs: keptMs(jobs.inbox_retention_days),
    },
  }
}

function keptMs(days: number): number | null {
  return days === 0 ? null : Math.ceil(days * DAY_MS)
}

function scheduleSettings(one: ConfigurationOutput['schedules'][number]): ScheduleSettings {
  const instant = (text: string | undefined): number | null =>
    text === undefined ? null : Date.parse(text)
  return {
    name: one.name,
    description: one.description ?? null,
    handler: one.handler,
    cronExpression: one.cron ?? null,
    intervalSeconds: one.every ?? null,
    timeZone: one.timezone,
    startAt: instant(one.start_at),
    endAt: instant(one.end_at),
    maxExecutions: one.max_executions,
    enabled: one.enabled,
    condition: one.condition ?? null,
    priority: one.priority,
    maxRetries: one.max_retries ?? null,
    timeoutSeconds: one.timeout ?? null,
    queue: one.queue,
    payload: one.payload === undefined ? null : JSON.stringify(one.payload),
    misfirePolicy: one.misfire,
    overlapPolicy: one.overlap,
    jitterSeconds: one.jitter,
    tenantId: one.tenant_id ?? null,
  }
}

function retryPolicy(retry: ConfigurationOutput['jobs']['retry']): RetryPolicy {
  return {
    type: retry.type,
    initialMs: retry.initial,
    maxMs: retry.max,
    factor: retry.factor,
    jitter: retry.jitter,
  }
}

function totalWorkers({ workers, queues }: JobsConfiguration): number {
  return Object.values(queues).reduce((sum, queue) => sum + queue.workers, workers)
}

function subscription(
  output: ConfigurationOutput,
  { protocol, connection, index, options, atLeastOnceWhen }: SubscriptionOptions,
  { directory, mapping }: ConfigurationSource,
): readonly SubscriptionConfiguration[] {
  const common = output.integrations[protocol]?.subscriptions[index]
  if (common === undefined) return []
  const file = common.schema === undefined ? undefined : path.resolve(directory, common.schema)
  return [
    {
      protocol,
      name: common.name,
      connection,
      handler: common.handler,
      routes: output.routes.flatMap((route) => routeFrom(addressOf(protocol, common.name), route)),
      deadLetter:
        common.dead_letter === undefined ? undefined : publicationAddress(common.dead_letter),
      queue: common.queue,
      priority: common.priority,
      maxRetries: common.max_retries,
      timeoutSeconds: common.timeout,
      contentType: common.content_type,
      atLeastOnceWhen: common.map?.['dedupe_key'] === undefined ? atLeastOnceWhen : undefined,
      filter: common.filter,
      map: common.map === undefined ? undefined : mapValues(common.map),
      schema: file === undefined ? undefined : { file, text: mapping.schemas.get(file) ?? '' },
      backpressure: backpressureOf(common.backpressure),
      onInvalid: common.on_invalid,
      options,
    },
  ]
}

function routeFrom(
  address: string,
  { name, from, to, filter, map }: ConfigurationOutput['routes'][number],
): readonly RouteConfiguration[] {
  if (from !== address) return []
  return [
    {
      name,
      to: to.flatMap((target) => publicationAddress(target) ?? []),
      filter,
      map: map === undefined ? undefined : mapValues(map),
    },
  ]
}

function backpressureOf(
  given: CommonSubscription['backpressure'],
): SubscriptionConfiguration['backpressure'] {
  if (given === undefined) return undefined
  const { pause_above: pauseAbove, resume_below: resumeBelow } = given
  return { pauseAbove, resumeBelow: resumeBelow ?? Math.ceil(pauseAbove / 2) }
}

function publication(
  output: ConfigurationOutput,
  { protocol, name, connection, options }: PublicationOptions,
): readonly PublicationConfiguration[] {
  const common = output.integrations[protocol]?.publications[name]
  if (common === undefined) return []
  const { rate_limit: rate, breaker } = common
  return [
    {
      protocol,
      name,
      connection,
      key: common.key,
      headers: common.headers ?? {},
      timeoutMs: common.timeout_ms,
      maxRetries: common.max_retries,
      maxInFlight: common.max_in_flight,
      rateLimit: rate === undefined ? undefined : { count: rate.count, perMs: rate.per },
      breaker: { failures: breaker.failures, openMs: breaker.open },
      options,
    },
  ]
}

/** The common keys of one subscription in the file. */
type CommonSubscription = NonNullable<
  ConfigurationOutput['integrations'][string]
>['subscriptions'][number]

/** What one key of `map` is in the file. */
type MapOutput = CommonSubscription['map']

function mapValues(map: NonNullable<MapOutput>): Readonly<Partial<Record<MapKey, MapValue>>> {
  const values: Partial<Record<MapKey, MapValue>> = {}
  for (const key of MAP_KEYS) {
    const value = map[key]
    if (value !== undefined) values[key] = typeof value === 'string' ? { expression: value } : value
  }
  return values
}
