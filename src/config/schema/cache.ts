import { z } from 'zod'
import { identifierName } from './names.ts'

/** The schema of `cache`. */
export const cacheSchema = z
  .strictObject({
    adapter: z
      .enum(['redis', 'none'])
      .prefault('none')
      .describe(
        '`redis`: a lock in Redis for each job that runs, and wake-ups over Redis. `none`: the database alone. Results are the same.',
      ),
    redis: z
      .strictObject({
        nodes: z
          .array(z.string())
          .min(1)
          .meta({ expects: 'a list of at least one address: [ "redis://host:6379" ]' })
          .prefault(['redis://127.0.0.1:6379'])
          .describe(
            'Addresses, `redis://user:password@host:port/database`, or `rediss://` with TLS. One server; or three or five that know nothing of each other, of which a majority gives a lock. No replicas of one another, no Redis Cluster.',
          ),
        key_prefix: identifierName(100)
          .prefault('crossdock')
          .describe(
            'What keys and channels in Redis begin with. All instances of one database have the same one; installations that share a Redis need different ones.',
          ),
      })
      .prefault({})
      .describe('The Redis of `adapter` `redis`.'),
  })
  .prefault({})
  .describe('What makes several instances work together better.')
