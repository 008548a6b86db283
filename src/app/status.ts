import type { Configuration } from '../config/configuration.ts'
import { OUTBOUND_HANDLER, outboundQueue } from '../domain/outbound.ts'
import type { PublicationStatus } from '../outbound/publication.ts'
import type { Clock } from '../ports/clock.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { HealthReport } from '../ports/health.ts'
import type { IntegrationsReport } from '../ports/integrations.ts'
import type { ScheduleOverview } from '../ports/schedule-store.ts'
import type { QueueDepth, Store } from '../ports/store.ts'
import type { SchedulerStatistics } from '../scheduler/scheduler.ts'
import type { WorkerStatistics } from '../worker/workers.ts'

/** What the status of an instance is made of. */
export interface StatusSources {
  readonly configuration: Configuration
  readonly version: string
  readonly startedAt: Date
  readonly store: Pick<
    Store,
    'queueDepths' | 'missingHandlers' | 'missingPublications' | 'statistics' | 'schedules'
  >
  readonly clock: Clock
  readonly handlers: HandlerRegistry
  readonly health: () => Promise<HealthReport>
  readonly workers: (() => WorkerStatistics) | undefined
  /** Left out: this instance fires no schedules. */
  readonly scheduler: (() => SchedulerStatistics) | undefined
  readonly locks: () => object
  readonly ingest: () => { readonly waiting: number; readonly healthy: boolean }
  readonly integrations: () => IntegrationsReport
  readonly publications: () => readonly PublicationStatus[]
  readonly parts: readonly string[]
}

/** Schedules that cannot run are shown up to so many. */
const MAX_SHOWN = 20

/** Pollers that come more often are given what was counted last. */
const CACHE_MS = 1_000

/**
 * A function that tells the whole state of an instance, as `/status` shows it. What the database would say
 * is left out while it is away. It may be called at any time and at once: calls share one count of the
 * queues, which is good for a second.
 */
export function createStatus(sources: StatusSources): () => Promise<object> {
  const { store, handlers } = sources
  // They walk many rows on the connections that claim and complete: however many ask, one set at a time.
  const counts = shared(sources.clock, () =>
    Promise.all([
      store.queueDepths().catch(() => null),
      store.missingHandlers([...handlers.names(), OUTBOUND_HANDLER]).catch(() => null),
      store
        .missingPublications(sources.publications().map(({ address }) => address))
        .catch(() => null),
      store.schedules.overview({ errors: MAX_SHOWN }).catch(() => null),
    ]),
  )
  return async () => {
    const report = await sources.health()
    const [queues, missing, addresses, schedules] =
      report.status === 'down' ? [null, null, null, null] : await counts()
    return statusOf(sources, report, { queues, missing, addresses, schedules })
  }
}

/** A round is shared while it runs, however long that is, and for the rest of its second. */
function shared<T>(clock: Clock, round: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined
  let underWay = false
  return () => {
    const now = clock.monotonicMs()
    if (last === undefined || (!underWay && now - last.at >= CACHE_MS)) {
      underWay = true
      const answer = round().finally(() => {
        underWay = false
      })
      last = { at: now, answer }
    }
    return last.answer
  }
}

/** What the database says; `null`: it could not be asked. */
interface Counted {
  readonly queues: readonly QueueDepth[] | null
  readonly missing: readonly string[] | null
  readonly addresses: readonly string[] | null
  readonly schedules: ScheduleOverview | null
}

function statusOf(sources: StatusSources, report: HealthReport, counted: Counted): object {
  const { configuration, handlers } = sources
  return {
    status: report.status,
    instance: {
      name: configuration.instance.name,
      id: configuration.instance.id,
      version: sources.version,
      startedAt: sources.startedAt,
      node: process.version,
      pid: process.pid,
      parts: sources.parts,
    },
    database: {
      type: configuration.database.type,
      ...report.components['database'],
      ...sources.store.statistics(),
    },
    workers: sources.workers?.() ?? null,
    scheduler: schedulerOf(sources, counted.schedules),
    locks: sources.locks(),
    ingest: sources.ingest(),
    queues: counted.queues,
    integrations: sources.integrations(),
    publications: sources.publications().map((publication) => ({
      ...publication,
      waiting: waitingFor(publication.address, counted.queues),
    })),
    atLeastOnceOnly: configuration.subscriptions
      .filter(({ atLeastOnceWhen }) => atLeastOnceWhen !== undefined)
      .map(({ protocol, name, atLeastOnceWhen }) => ({
        subscription: `${protocol}:${name}`,
        when: atLeastOnceWhen,
      })),
    handlers: handlers.names(),
    // Jobs wait for these, and nobody here has them.
    missingHandlers: counted.missing,
    // Messages wait for these publications, and nobody here has them.
    missingPublications: counted.addresses,
    memory: { rssBytes: process.memoryUsage.rss() },
  }
}

/** Messages of a publication that are not on their way; `null`: the database could not be asked. */
function waitingFor(address: string, queues: readonly QueueDepth[] | null): number | null {
  if (queues === null) return null
  const depth = queues.find(({ queue }) => queue === outboundQueue(address))
  return depth === undefined ? 0 : depth.pending + depth.queued + depth.waiting
}

/** The schedules are the database's; whether this instance fires them, and how many jobs it made, its own. */
function schedulerOf({ scheduler }: StatusSources, schedules: ScheduleOverview | null): object {
  const { running, fired } = scheduler?.() ?? { running: false, fired: 0 }
  return {
    running,
    fired,
    nextDueAt: schedules?.nextRunAt ?? null,
    inError: schedules?.inError ?? null,
  }
}
