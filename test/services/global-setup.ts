import { prepareActivemqClassic } from './activemq-classic.ts'
import { prepareArtemis } from './artemis.ts'
import { prepareKafka } from './kafka.ts'
import { prepareMariadb } from './mariadb.ts'
import { prepareMosquitto } from './mosquitto.ts'
import { preparePostgresql } from './postgresql.ts'
import { prepareRedis } from './redis.ts'
import { startOrSkip } from './require.ts'
import { prepareSignalr } from './signalr.ts'

/**
 * Runs once before the suites that use servers: fetches what takes long, so that no hook's time
 * limit has to cover a download. The suites start their servers themselves.
 */
export default async function setup(): Promise<void> {
  await startOrSkip('postgresql', preparePostgresql)
  await startOrSkip('mariadb', prepareMariadb)
  await startOrSkip('redis', prepareRedis)
  await startOrSkip('mosquitto', prepareMosquitto)
  await startOrSkip('signalr', prepareSignalr)
  await startOrSkip('kafka', prepareKafka)
  await startOrSkip('activemq', prepareActivemqClassic)
  await startOrSkip('artemis', prepareArtemis)
}
