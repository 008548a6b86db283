import type { Configuration } from '../config/configuration.ts'
import type { Protocol } from '../domain/job-type.ts'
import type {
  AdapterContext,
  AdapterDefinition,
  AdapterHealth,
  RunningAdapter,
} from '../ports/adapter.ts'
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
  /** Whether a subscription is to take messages in now. */
  readonly flow: (subscription: string) => Flow
}

/** The adapters at work, one for each connection. */
export interface RunningAdapters {
  health(): readonly {
    readonly protocol: Protocol
    readonly connection: string | undefined
    readonly health: AdapterHealth
  }[]
  stop(): Promise<void>
}

/** Starts an adapter for each connection that is used. When one fails to, those that run are stopped again. */
export async function startAdapters(parts: AdapterParts): Promise<RunningAdapters> {
  const { log } = parts
  const running: {
    protocol: Protocol
    connection: string | undefined
    adapter: RunningAdapter
  }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map(({ adapter }) => adapter.stop()))
  }
  for (const definition of parts.adapters) {
    for (const context of contextsOf(definition, parts)) {
      try {
        const adapter = await definition.start(context)
        const { protocol } = definition
        running.push({ protocol, connection: context.connection?.name, adapter })
      } catch (error) {
        await stop().catch((fault: unknown) => {
          log.warn({ err: fault }, 'an adapter did not stop cleanly')
        })
        throw error
      }
    }
  }
  return {
    health: () =>
      running.map(({ protocol, connection, adapter }) => ({
        protocol,
        connection,
        health: adapter.health(),
      })),
    stop,
  }
}

type Options = Readonly<Record<string, unknown>>

/** What each connection of an adapter is given, and last what needs none. */
function contextsOf(
  definition: AdapterDefinition,
  parts: AdapterParts,
): readonly AdapterContext<Options, Options, Options>[] {
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
        flow: parts.flow(name),
      }))
    const publications = mine(configuration.publications)
      .filter((one) => one.connection === connection?.name)
      .map(({ name, timeoutMs, options }) => ({
        name,
        timeoutMs,
        options,
      }))
    if (subscriptions.length + publications.length === 0) return []
    return [
      {
        connection,
        subscriptions,
        publications,
        sink: parts.sink,
        http: parts.http,
        jobs: parts.jobs,
        slots: parts.slots,
        instance: configuration.instance,
        log: parts.log.child({ adapter: protocol, connection: connection?.name }),
        connected: () => undefined,
        failed: () => undefined,
      },
    ]
  })
}
