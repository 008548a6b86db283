import type { Configuration } from '../config/configuration.ts'
import type { Protocol } from '../domain/job-type.ts'
import { addressOf } from '../domain/outbound.ts'
import { createOffering } from '../integrations/offering.ts'
import { createLastingRoutes } from '../integrations/lasting-routes.ts'
import {
  createSupervisor,
  type ConnectionPlan,
  type Supervisor,
} from '../integrations/supervisor.ts'
import type { AdapterContext, AdapterDefinition } from '../ports/adapter.ts'
import type { Clock } from '../ports/clock.ts'
import type { Flow } from '../ports/flow.ts'

/** What the parts of an instance give to every adapter. */
export interface AdapterParts extends Pick<
  AdapterContext<unknown>,
  'sink' | 'http' | 'jobs' | 'slots' | 'log'
> {
  readonly adapters: readonly AdapterDefinition[]
  readonly configuration: Pick<
    Configuration,
    'instance' | 'connections' | 'subscriptions' | 'publications'
  >
  /** Whether a subscription, by its address, is to take messages in now. */
  readonly flow: (address: string) => Flow
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
}

type Options = Readonly<Record<string, unknown>>

/** An adapter for each connection that is used; nothing is started yet. */
export function superviseAdapters(parts: AdapterParts): Supervisor {
  const { clock, random, log } = parts
  const plans = parts.adapters.flatMap((definition) => plansOf(definition, parts))
  return createSupervisor({ plans, clock, random, log })
}

/** What each connection of an adapter is given, and last what needs none. */
function plansOf(definition: AdapterDefinition, parts: AdapterParts): readonly ConnectionPlan[] {
  const { protocol } = definition
  const { configuration } = parts
  const mine = <T extends { readonly protocol: Protocol }>(all: readonly T[]): readonly T[] =>
    all.filter((one) => one.protocol === protocol)
  const connections = [...mine(configuration.connections), undefined]
  return connections.flatMap((connection) => {
    const subscriptions = mine(configuration.subscriptions)
      .filter((one) => one.connection === connection?.name)
      .map(({ name, contentType, options }) => ({
        name,
        contentType,
        options,
        flow: parts.flow(addressOf(protocol, name)),
      }))
    const publications = mine(configuration.publications)
      .filter((one) => one.connection === connection?.name)
      .map(({ name, timeoutMs, options }) => ({
        name,
        timeoutMs,
        options,
      }))
    if (subscriptions.length + publications.length === 0) return []
    const routes = createLastingRoutes(parts.http)
    const log = parts.log.child({ adapter: protocol, connection: connection?.name })
    const context: Omit<
      AdapterContext<Options, Options, Options>,
      'http' | 'connected' | 'failed'
    > = {
      connection,
      subscriptions,
      publications,
      sink: parts.sink,
      makeOffering: (options) => createOffering(parts, options),
      jobs: parts.jobs,
      slots: parts.slots,
      instance: configuration.instance,
      clock: parts.clock,
      random: parts.random,
      log,
    }
    return [
      {
        protocol,
        connection: connection?.name,
        subscriptions: subscriptions.map(({ name }) => name),
        publications: publications.map(({ name }) => name),
        start: (signals) => definition.start({ ...context, ...signals, http: routes.forStart() }),
        log,
      },
    ]
  })
}
