import type { Configuration } from '../config/configuration.ts'
import type { Protocol } from '../domain/job-type.ts'
import type { AdapterDefinition, AdapterService } from '../ports/adapter.ts'
import type { Log } from '../ports/log.ts'

/** What the adapters of an instance do for the whole of it. */
export interface AdapterServices {
  /** Where they are. */
  readonly services: readonly { readonly protocol: Protocol; readonly url: string }[]
  stop(): Promise<void>
}

/**
 * Starts what adapters do for the whole of an instance, such as a broker that comes with one. When one fails to
 * start, those that run are stopped again.
 */
export async function startAdapterServices({
  adapters,
  configuration,
  log,
}: {
  readonly adapters: readonly AdapterDefinition[]
  readonly configuration: Pick<Configuration, 'integrations'>
  readonly log: Log
}): Promise<AdapterServices> {
  const running: { readonly protocol: Protocol; readonly service: AdapterService }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map(({ service }) => service.stop()))
  }
  for (const { protocol, options } of configuration.integrations) {
    const definition = adapters.find((one) => one.protocol === protocol)
    try {
      const service = await definition?.startService?.(options, {
        log: log.child({ adapter: protocol }),
      })
      if (service !== undefined) running.push({ protocol, service })
    } catch (error) {
      await stop().catch((fault: unknown) => {
        log.warn({ err: fault }, 'what an adapter had started did not stop cleanly')
      })
      throw error
    }
  }
  return {
    services: running.map(({ protocol, service }) => ({ protocol, url: service.url })),
    stop,
  }
}
