import kafkajs from 'kafkajs'
import { connectionTrouble } from '../../../src/domain/connection-trouble.ts'
import { CrossdockError, isCrossdockError } from '../../../src/domain/errors.ts'

const { KafkaJSError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } = kafkajs

/** Kafka's names of what is wrong with a record, or with our right to write it: no repeat can help. */
const PERMANENT: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'CORRUPT_MESSAGE',
  'INVALID_TIMESTAMP',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REQUIRED_ACKS',
  'POLICY_VIOLATION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

/** What lay beneath an error of the library, which wraps one in another. */
function rootOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { cause } = error
  return cause instanceof Error && cause !== error ? rootOf(cause) : error
}

/** Kafka's name of the error, such as `MESSAGE_TOO_LARGE`; `undefined`: no broker said it. */
function kafkaErrorType(error: unknown): string | undefined {
  const root = rootOf(error)
  return root instanceof KafkaJSProtocolError ? root.type : undefined
}

/** Whether the broker will say the same of the same record for ever. */
export function isPermanent(error: unknown): boolean {
  return PERMANENT.has(kafkaErrorType(error) ?? '')
}

/** Whether no request can have reached a broker. */
export function isUnsent(error: unknown): boolean {
  const root = rootOf(error)
  // Ours are of the sign-in: no token could be had, or the broker refuses it.
  if (isCrossdockError(root)) return true
  return [
    'KafkaJSConnectionError',
    'KafkaJSBrokerNotFound',
    'KafkaJSNoBrokerAvailableError',
    'KafkaJSSASLAuthenticationError',
    'KafkaJSMetadataNotLoaded',
    'KafkaJSTopicMetadataNotLoaded',
  ].includes(nameOf(root))
}

/** Whether a connection is what failed, and not what was asked of it. */
export function isConnectionFailure(error: unknown): boolean {
  const name = nameOf(rootOf(error))
  return (
    isUnsent(error) || ['KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError'].includes(name)
  )
}

/** What the library's words mean, and what to do. */
const SENTENCES: readonly (readonly [words: RegExp, sentence: string])[] = [
  [
    /^Closed connection/,
    'it broke the connection off: look at tls and sasl, and whether this port is for them',
  ],
  [
    /^SASL .* authentication failed/,
    'the broker refuses this name or password: look at username, password and mechanism of sasl',
  ],
  [
    /does not host this topic-partition/,
    'the topic, or this partition of it, does not exist: make it, or look at topic of the publication',
  ],
  [/SASL state/, 'it wants nobody to sign in at this port: remove sasl, or look at the port'],
  [
    /^Request ApiVersions.* timed out|^Broker not connected/,
    'what answers there does not speak Kafka: look at the port, and whether it is one for TLS',
  ],
]

/** For people. */
export function failureText(error: unknown): string {
  const root = error instanceof KafkaJSNumberOfRetriesExceeded ? rootOf(error) : error
  const message = connectionTrouble(root)
  const sentence = SENTENCES.find(([words]) => words.test(message))?.[1]
  if (sentence !== undefined) return `${sentence} (${message})`
  const type = kafkaErrorType(error)
  return type === undefined ? message : `${message} (${type})`
}

/** As what the adapter and people are told, whatever the library threw. */
export function translated(error: unknown): CrossdockError {
  if (isCrossdockError(error)) return error
  return new CrossdockError('connection_failed', failureText(error), { cause: error })
}

function nameOf(error: unknown): string {
  return error instanceof KafkaJSError || error instanceof Error ? error.name : ''
}
