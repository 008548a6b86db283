import type { Configuration } from '../config/configuration.ts'
import { errorMessage } from '../domain/errors.ts'
import { addressOf } from '../domain/outbound.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import type { Log } from '../ports/log.ts'
import type { Probe, ProbeReport } from '../ports/probe.ts'
import { startAdapterServices } from './adapter-services.ts'
import { adapters } from './adapters.ts'
import { databaseProbe } from './database-probe.ts'

/** Above what the database's and Redis's own connections wait for, so that their reason is told. */
const LIMIT_MS = 30_000

/** Everything that the configuration names and an instance would connect to. */
async function connectionProbes(configuration: Configuration, log: Log): Promise<readonly Probe[]> {
  const { cache } = configuration
  const definitions: readonly AdapterDefinition[] = adapters
  return [
    databaseProbe(configuration, log),
    ...(await cacheProbes(cache)),
    ...configuration.connections.flatMap((connection) => {
      const { protocol, name, options } = connection
      const definition = definitions.find((one) => one.protocol === protocol)
      const probe = definition?.probe?.bind(definition)
      if (probe === undefined) return []
      const advice = `Look at integrations.${protocol}.connections.${name}, and whether it can be reached from here.`
      const run: Probe['run'] = (signal) => probe(options, signal)
      return { name: addressOf(protocol, name), advice, run }
    }),
  ]
}

async function cacheProbes(cache: Configuration['cache']): Promise<readonly Probe[]> {
  if (cache.adapter === 'none') return []
  const { redisProbe } = await import('../locks/redis/probe.ts')
  return cache.redis.nodes.map((url) => redisProbe(url, cache.redis.keyPrefix))
}

/** Tries all connections at once, and says of each what became of it, in order. */
export async function probeConnections(
  configuration: Configuration,
  log: Log,
): Promise<readonly ProbeReport[]> {
  // A broker that comes along is there for the time being. Where it cannot start, the program runs already, or another
  // one has its port: the connections to it tell which.
  const services = await startAdapterServices({ adapters, configuration, log }).catch(() => ({
    stop: async () => undefined,
  }))
  try {
    const probes = await connectionProbes(configuration, log)
    return await Promise.all(probes.map((probe) => runProbe(probe, LIMIT_MS)))
  } finally {
    await services.stop()
  }
}

/** Tries one connection for no longer than the limit. Never rejects. */
export async function runProbe(probe: Probe, limitMs: number): Promise<ProbeReport> {
  const { name, advice } = probe
  const over = new AbortController()
  const late = new Promise<ProbeReport>((resolve) => {
    over.signal.addEventListener('abort', () => {
      resolve({ name, ok: false, reason: `no answer within ${limitMs / 1_000} s`, advice })
    })
  })
  const timer = setTimeout(() => {
    over.abort()
  }, limitMs)
  try {
    const found = probe
      .run(over.signal)
      .then((findings) => ({ name, ok: true, ...findings }) as const)
    return await Promise.race([found, late])
  } catch (error) {
    return { name, ok: false, reason: errorMessage(error), advice }
  } finally {
    clearTimeout(timer)
  }
}
