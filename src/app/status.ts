import type { Configuration } from '../config/configuration.ts'
import type { AdapterHealth } from '../ports/adapter.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { HealthReport } from '../ports/health.ts'
import type { Store } from '../ports/store.ts'
import type { WorkerStatistics } from '../worker/workers.ts'

/** What the status of an instance is made of. */
export interface StatusSources {
  readonly configuration: Configuration
  readonly version: string
  readonly startedAt: Date
  readonly store: Store
  readonly handlers: HandlerRegistry
  readonly health: () => Promise<HealthReport>
  readonly workers: (() => WorkerStatistics) | undefined
  readonly ingest: () => { readonly waiting: number; readonly healthy: boolean }
  readonly adapters: () => readonly { readonly protocol: string; readonly health: AdapterHealth }[]
  readonly parts: readonly string[]
}

/** The whole state of an instance, as `/status` shows it. What the database would say is left out while it is away. */
export async function instanceStatus(sources: StatusSources): Promise<object> {
  const { configuration, store, handlers } = sources
  const report = await sources.health()
  const away = report.status === 'down'
  const [queues, missing] = away
    ? [null, null]
    : await Promise.all([
        store.queueDepths().catch(() => null),
        store.missingHandlers(handlers.names()).catch(() => null),
      ])
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
    database: { type: configuration.database.type, ...report.components['database'] },
    workers: sources.workers?.() ?? null,
    scheduler: { status: 'not available in this version' },
    locks: { status: 'leases in the database' },
    ingest: sources.ingest(),
    queues,
    integrations: sources.adapters().map(({ protocol, health }) => ({ protocol, ...health })),
    atLeastOnceOnly: configuration.subscriptions.map(({ protocol, name }) => ({
      subscription: `${protocol}:${name}`,
      when: 'the sender gives no Idempotency-Key or webhook-id header',
    })),
    handlers: handlers.names(),
    // Jobs wait for these, and nobody here has them.
    missingHandlers: missing,
    memory: { rssBytes: process.memoryUsage.rss() },
  }
}
