import type { SubscriptionConfiguration } from '../config/configuration.ts'
import type {
  AdapterDefinition,
  AdapterHealth,
  AdapterSubscription,
  MessageSink,
  RunningAdapter,
} from '../ports/adapter.ts'
import type { HttpHost } from '../ports/http-host.ts'
import type { JobWaits } from '../ports/job-waits.ts'
import type { Log } from '../ports/log.ts'

/** The adapters at work. */
export interface RunningAdapters {
  health(): readonly { readonly protocol: string; readonly health: AdapterHealth }[]
  stop(): Promise<void>
}

/** Starts each adapter that has a subscription. When one fails to, those that run are stopped again. */
export async function startAdapters(options: {
  readonly adapters: readonly AdapterDefinition[]
  readonly subscriptions: readonly SubscriptionConfiguration[]
  readonly sink: MessageSink
  readonly http: HttpHost
  readonly jobs: JobWaits
  readonly log: Log
}): Promise<RunningAdapters> {
  const { sink, http, jobs, log } = options
  const running: { protocol: string; adapter: RunningAdapter }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map(({ adapter }) => adapter.stop()))
  }
  for (const adapter of options.adapters) {
    const subscriptions = options.subscriptions
      .filter(({ protocol }) => protocol === adapter.protocol)
      .map((subscription): AdapterSubscription<Readonly<Record<string, unknown>>> => {
        const { name, contentType } = subscription
        // Parsed already; parsing again gives them the type that the adapter declared.
        return {
          name,
          contentType,
          options: adapter.subscriptionOptions.parse(subscription.options),
        }
      })
    if (subscriptions.length === 0) continue
    const bound = log.child({ adapter: adapter.protocol })
    try {
      const started = await adapter.start({ subscriptions, sink, http, jobs, log: bound })
      running.push({ protocol: adapter.protocol, adapter: started })
    } catch (error) {
      await stop().catch((fault: unknown) => {
        log.warn({ err: fault }, 'an adapter did not stop cleanly')
      })
      throw error
    }
  }
  return {
    health: () => running.map(({ protocol, adapter }) => ({ protocol, health: adapter.health() })),
    stop,
  }
}
