import { Redis } from 'ioredis'
import { CrossdockError } from '../../domain/errors.ts'
import type { Probe } from '../../ports/probe.ts'
import { connectionOptions, reasonOf, redisAddress } from './address.ts'
import { probeLocks } from './lock-scripts.ts'

/** Tries one server as the locks will use it: the login, the database, a script and a key of the prefix. */
export function redisProbe(url: string, keyPrefix: string): Probe {
  const address = redisAddress(url)
  return {
    name: `redis ${address.name}`,
    advice:
      'Check the address and the login in cache.redis.nodes, and that the login may run EVAL on keys of cache.redis.key_prefix. Without a majority of nodes everything works by the leases in the database.',
    run: async (signal) => {
      const client = new Redis({
        ...connectionOptions(address),
        lazyConnect: true,
        retryStrategy: () => null,
      })
      let trouble: unknown
      client.on('error', (error) => {
        trouble = error
      })
      const end = (): void => client.disconnect()
      signal.addEventListener('abort', end)
      try {
        await client.connect()
        await probeLocks(client, { keyPrefix })
        // INFO may be forbidden, and is not needed.
        const information = await client.info('server').catch(() => '')
        const version = /redis_version:(\S+)/.exec(information)?.[1]
        return { facts: version === undefined ? 'Redis' : `Redis ${version}` }
      } catch (error) {
        // The first is the cause; what a command says is that there is no connection.
        throw new CrossdockError('cache_unavailable', reasonOf(trouble ?? error, address), {
          cause: error,
        })
      } finally {
        signal.removeEventListener('abort', end)
        end()
      }
    },
  }
}
