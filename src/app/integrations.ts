import type { Configuration, SubscriptionConfiguration } from '../config/configuration.ts'
import { addressOf, outboundQueue } from '../domain/outbound.ts'
import type { GroupCommit } from '../ingest/group-commit.ts'
import { createCountedSink } from '../integrations/counted-sink.ts'
import { createDatabaseGate } from '../integrations/database-gate.ts'
import { createFlows } from '../integrations/flows.ts'
import type { Supervisor } from '../integrations/supervisor.ts'
import type { AdapterDefinition, MessageSink } from '../ports/adapter.ts'
import type { ClientSlots } from '../ports/client-slots.ts'
import type { Clock } from '../ports/clock.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { ComponentHealth } from '../ports/health.ts'
import type { HttpHost } from '../ports/http-host.ts'
import type { IntegrationsReport } from '../ports/integrations.ts'
import type { JobWaits } from '../ports/job-waits.ts'
import type { Log } from '../ports/log.ts'
import type { Pauses } from '../ports/pauses.ts'
import type { Store } from '../ports/store.ts'
import { superviseAdapters } from './start-adapters.ts'

/** What stands between adapters and the rest. */
export interface Integrations {
  /** The adapters of this instance; `undefined`: it has none. */
  readonly supervisor: Supervisor | undefined
  /** How each connection is, for `/health`. */
  health(): Readonly<Record<string, ComponentHealth>>
  report(): IntegrationsReport
  /** Has adapters take nothing in any more, while they still publish. */
  drain(): void
  stop(): Promise<void>
}

/** What {@link createIntegrations} puts together. */
export interface IntegrationsParts {
  readonly adapters: readonly AdapterDefinition[]
  readonly configuration: Pick<
    Configuration,
    'instance' | 'connections' | 'subscriptions' | 'publications'
  >
  /** Whether this instance runs adapters at all. */
  readonly isActive: boolean
  readonly handlers: Pick<HandlerRegistry, 'get'>
  readonly pauses: Pauses
  readonly commit: Pick<GroupCommit, 'onHealth'>
  readonly store: Pick<Store, 'ping' | 'countBacklog'>
  readonly sink: MessageSink
  readonly http: HttpHost
  readonly jobs: JobWaits
  readonly slots: ClientSlots
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}

/** The adapters under supervision, with the flows of their subscriptions; nothing is started yet. */
export function createIntegrations(parts: IntegrationsParts): Integrations {
  const { configuration, pauses, store, clock, log, isActive } = parts
  const database = createDatabaseGate({
    onHealth: (listener) => parts.commit.onHealth(listener),
    ping: () => store.ping(),
    clock,
    log,
  })
  /** Of a subscription that only has routes, the queue of its first target. */
  const queueOf = ({ queue, handler, routes }: SubscriptionConfiguration): string => {
    const target = routes?.flatMap(({ to }) => to)[0]
    if (handler === undefined && target !== undefined) {
      return outboundQueue(addressOf(target.protocol, target.publication))
    }
    return queue ?? parts.handlers.get(handler ?? '')?.queue ?? 'default'
  }
  const flows = createFlows({
    subscriptions: configuration.subscriptions.map((subscription) => ({
      address: addressOf(subscription.protocol, subscription.name),
      queue: queueOf(subscription),
      backpressure: subscription.backpressure,
    })),
    pauses,
    database,
    store,
    clock,
    log,
  })
  const sink = createCountedSink(parts.sink, (address) => {
    flows.noteMessages(address)
  })
  const supervisor = isActive
    ? superviseAdapters({ ...parts, flow: (address) => flows.flow(address), sink })
    : undefined

  function report(): IntegrationsReport {
    return {
      connections: supervisor?.connections() ?? [],
      subscriptions: configuration.subscriptions.map((subscription) => {
        const { protocol, name, handler, connection, backpressure } = subscription
        const address = addressOf(protocol, name)
        return {
          address,
          protocol,
          name,
          connection: connection ?? null,
          handler: handler ?? null,
          queue: queueOf(subscription),
          closed: flows.flow(address).closed()?.reason ?? null,
          pause: pauses.find(address) ?? null,
          backpressure:
            backpressure === undefined
              ? null
              : { ...backpressure, waiting: flows.waiting(address) ?? null },
          counts: isActive ? sink.counts(address) : null,
          lag: supervisor?.lag(address) ?? null,
        }
      }),
      publications: configuration.publications.map(({ protocol, name, connection }) => {
        const address = addressOf(protocol, name)
        return {
          address,
          protocol,
          name,
          connection,
          connected: supervisor?.isConnected(address) ?? null,
          pause: pauses.find(address) ?? null,
          counts: supervisor?.counts(address) ?? null,
        }
      }),
    }
  }

  return {
    supervisor,
    health: () =>
      Object.fromEntries(
        (supervisor?.connections() ?? []).map(({ protocol, connection, health }) => [
          connection === undefined ? protocol : addressOf(protocol, connection),
          health,
        ]),
      ),
    report,
    drain: () => {
      flows.close()
    },
    stop: async () => {
      await supervisor?.stop()
      flows.stop()
      database.stop()
    },
  }
}
