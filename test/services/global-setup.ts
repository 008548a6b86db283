import { prepareActivemqClassic } from './activemq-classic.ts'
import { prepareArtemis } from './artemis.ts'
import { prepareKafka } from './kafka.ts'
import { prepareMariadb } from './mariadb.ts'
import { prepareMosquitto } from './mosquitto.ts'
import { preparePostgresql } from './postgresql.ts'
import { prepareRedis } from './redis.ts'
import { startOrSkip } from './require.ts'
import { prepareSignalr } from './signalr.ts'

/** What each place is asked for, one after the other; the places beside each other. */
const FETCHED: readonly (readonly (readonly [string, () => Promise<unknown>])[])[] = [
  [
    ['postgresql', preparePostgresql],
    ['mariadb', prepareMariadb],
    ['mosquitto', prepareMosquitto],
    ['redis', prepareRedis],
  ],
  [
    ['kafka', prepareKafka],
    ['activemq', prepareActivemqClassic],
    ['artemis', prepareArtemis],
  ],
  [['signalr', prepareSignalr]],
]

/**
 * Runs once before the suites that use servers: fetches what takes long, so that no hook's time
 * limit has to cover a download. The suites start their servers themselves.
 */
export default async function setup(): Promise<void> {
  const fetched = await Promise.allSettled(
    FETCHED.map(async (services) => {
      for (const [name, prepare] of services) await startOrSkip(name, prepare)
    }),
  )
  // Each has ended by then: nothing is fetched any more while the run is taken down.
  for (const one of fetched) if (one.status === 'rejected') throw one.reason
}
