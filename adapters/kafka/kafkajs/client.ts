import kafkajs, {
  type Kafka as KafkaClient,
  type KafkaConfig,
  type LogEntry,
  type Mechanism,
  type SASLOptions,
} from 'kafkajs'
import type { Log } from '../../../src/ports/log.ts'
import type { KafkaSasl, KafkaServer, KafkaTls } from '../driver.ts'
import { registerCodecs } from './codecs.ts'
import { dropIdleTimers } from './idle-timers.ts'
import { oauthBearer } from './oauth-bearer.ts'

const { Kafka, logLevel } = kafkajs

/** How often the library itself repeats a request, and how soon: those above it go on for ever. */
const RETRY = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 }

/** The library's client of a cluster. It opens nothing. */
export function createClient(server: KafkaServer): KafkaClient {
  registerCodecs()
  dropIdleTimers()
  const config: KafkaConfig = {
    brokers: [...server.brokers],
    clientId: server.clientId,
    connectionTimeout: server.connectTimeoutMs,
    authenticationTimeout: server.connectTimeoutMs,
    requestTimeout: server.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: RETRY,
    logLevel: logLevel.WARN,
    logCreator: () => logTo(server.log),
    ...(server.tls !== undefined && { ssl: tlsOf(server.tls) }),
    ...(server.sasl !== undefined && { sasl: saslOf(server.sasl) }),
  }
  return new Kafka(config)
}

function tlsOf({ ca, cert, key, serverName, rejectUnauthorized }: KafkaTls) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized,
  }
}

function saslOf(sasl: KafkaSasl): SASLOptions | Mechanism {
  if (sasl.mechanism === 'oauthbearer') return oauthBearer(sasl.token)
  const named: SASLOptions = { ...sasl }
  return named
}

/** The library complains of each failed try: ours says it once, and says what to do. */
function logTo(log: Log): (entry: LogEntry) => void {
  return ({ namespace, log: { message, error } }) => {
    const said: unknown = error
    log.debug({ part: namespace, reason: typeof said === 'string' ? said : undefined }, message)
  }
}
