import { migratePostgresql } from '../../src/store/postgresql/migrate.ts'
import { startActivemqClassic } from './activemq-classic.ts'
import { startArtemis } from './artemis.ts'
import { createDatabase } from './database.ts'
import { startKafka } from './kafka.ts'
import type { KafkaService } from './kafka-service.ts'
import { startMariadb } from './mariadb.ts'
import type { MariadbService } from './mariadb-service.ts'
import { startPostgresql } from './postgresql.ts'
import type { PostgresqlService } from './postgresql-service.ts'
import type { StompBroker } from './stomp-broker.ts'

/**
 * Servers that the test files of one process use one after the other, for tests that neither kill a server
 * nor change its settings: each takes a database of its own. Nobody stops them; they end with the process.
 */
let postgresql: Promise<PostgresqlService> | undefined
let mariadb: Promise<MariadbService> | undefined
let kafka: Promise<KafkaService> | undefined
let loanedKafka: Promise<KafkaService> | undefined
let classic: Promise<StompBroker> | undefined
let artemis: Promise<StompBroker> | undefined
let template: Promise<string> | undefined

/** The PostgreSQL of this process. @throws ServiceUnavailable */
export function sharedPostgresql(): Promise<PostgresqlService> {
  return (postgresql ??= startPostgresql().then(kept))
}

/** The MariaDB of this process. @throws ServiceUnavailable */
export function sharedMariadb(): Promise<MariadbService> {
  return (mariadb ??= startMariadb().then(kept))
}

/** The Kafka of this process: each test has topics and groups of its own. @throws ServiceUnavailable */
export function sharedKafka(): Promise<KafkaService> {
  return (kafka ??= startKafka().then(kept))
}

/**
 * A second Kafka of this process, for tests that kill it or make it stand still. `stop` gives it back, and sees to it
 * that the next one finds it running. @throws ServiceUnavailable
 */
export async function loanKafka(): Promise<KafkaService> {
  const service = await (loanedKafka ??= startKafka())
  let isAway = false
  return {
    ...service,
    get pid() {
      return service.pid
    },
    kill: async () => {
      isAway = true
      await service.kill()
    },
    restart: async () => {
      await service.restart()
      isAway = false
    },
    stop: async () => {
      if (!service.controllable) return
      service.resume()
      if (isAway) await service.restart()
    },
  }
}

/** The ActiveMQ Classic of this process: each test has queues of its own. @throws ServiceUnavailable */
export function sharedActivemqClassic(): Promise<StompBroker> {
  return (classic ??= startActivemqClassic().then(kept))
}

/** The ActiveMQ Artemis of this process: each test has queues of its own. @throws ServiceUnavailable */
export function sharedArtemis(): Promise<StompBroker> {
  return (artemis ??= startArtemis().then(kept))
}

/** The name of a migrated database of {@link sharedPostgresql}, to be copied. @throws ServiceUnavailable */
export function sharedTemplate(): Promise<string> {
  return (template ??= sharedPostgresql().then(async (service) => {
    const { name, url } = await createDatabase(service)
    await migratePostgresql({
      connection: { connectionString: url },
      schema: 'public',
      dryRun: false,
    })
    return name
  }))
}

/** The same server without the operations that would be felt in other files. */
function kept<Service extends PostgresqlService | MariadbService | KafkaService | StompBroker>(
  service: Service,
): Service {
  return new Proxy(service, {
    get: (target, name) => {
      if (name === 'controllable') return false
      if (name === 'stop') return async () => undefined
      if (['kill', 'restart', 'pause', 'resume'].includes(String(name))) return refuse
      return Reflect.get(target, name) as unknown
    },
  })
}

function refuse(): never {
  throw new Error('this server is shared: start one of your own to stop it')
}
