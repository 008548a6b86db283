import path from 'node:path'
import type { Authority } from './certificates.ts'
import type { KafkaAccounts } from './kafka-service.ts'
import type { TokenServer } from './token-server.ts'

/** The ports of a broker. */
export interface KafkaPorts {
  readonly plain: number
  readonly controller: number
  readonly sasl: number
  readonly tls: number
  readonly saslTls: number
}

/** Those who may sign in at every broker of the tests. */
export const KAFKA_ACCOUNTS: KafkaAccounts = {
  plain: { username: 'plain-user', password: 'plain-secret' },
  scram: { username: 'scram-user', password: 'scram-secret' },
}

/** Whom tokens must be for. */
export const TOKEN_AUDIENCE = 'kafka'

const MECHANISMS = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'
const MODULES = 'org.apache.kafka.common.security'

/** The arguments that make the accounts of SCRAM when a broker's folder is made. */
export function scramUsers(): readonly string[] {
  const { username, password } = KAFKA_ACCOUNTS.scram
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ])
}

/** The text of `server.properties`. */
export function kafkaProperties({
  folder,
  ports,
  authority,
  tokens,
  settings,
}: {
  readonly folder: string
  readonly ports: KafkaPorts
  readonly authority: Authority
  readonly tokens: TokenServer
  readonly settings: readonly string[]
}): string {
  const listeners = {
    PLAINTEXT: ports.plain,
    SASL_PLAINTEXT: ports.sasl,
    SSL: ports.tls,
    SASL_SSL: ports.saslTls,
  }
  const at = (all: object): string =>
    Object.entries(all)
      .map(([name, port]) => `${name}://127.0.0.1:${port}`)
      .join(',')
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.bootstrap.servers=127.0.0.1:${ports.controller}`,
    'controller.listener.names=CONTROLLER',
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${same(Object.keys(listeners))}`,
    `listeners=${at({ ...listeners, CONTROLLER: ports.controller })}`,
    `advertised.listeners=${at(listeners)}`,
    `log.dirs=${path.join(folder, 'data')}`,
    ...single('offsets.topic', 'num.partitions', 'replication.factor'),
    ...single('transaction.state.log', 'num.partitions', 'replication.factor', 'min.isr'),
    ...single('share.coordinator.state.topic', 'num.partitions', 'replication.factor', 'min.isr'),
    // A group is complete as soon as its first member is there; whoever comes later makes it share out anew.
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'auto.create.topics.enable=false',
    // One that died may come back at once: its controller waits so long until it takes it for another.
    'broker.session.timeout.ms=1500',
    'broker.heartbeat.interval.ms=250',
    'num.network.threads=2',
    'num.io.threads=2',
    'log.cleaner.enable=false',
    ...signIns('sasl_plaintext', tokens),
    ...signIns('sasl_ssl', tokens),
    ...certificates(authority),
    ...settings,
    '',
  ].join('\n')
}

function same(names: readonly string[]): string {
  return names.map((name) => `${name}:${name}`).join(',')
}

function single(prefix: string, ...names: readonly string[]): readonly string[] {
  return names.map((name) => `${prefix}.${name}=1`)
}

function signIns(listener: string, tokens: TokenServer): readonly string[] {
  const { username, password } = KAFKA_ACCOUNTS.plain
  const name = `listener.name.${listener}`
  return [
    `${name}.sasl.enabled.mechanisms=${MECHANISMS}`,
    `${name}.plain.sasl.jaas.config=${MODULES}.plain.PlainLoginModule required user_${username}="${password}";`,
    `${name}.scram-sha-256.sasl.jaas.config=${MODULES}.scram.ScramLoginModule required;`,
    `${name}.scram-sha-512.sasl.jaas.config=${MODULES}.scram.ScramLoginModule required;`,
    ...[
      `jaas.config=${MODULES}.oauthbearer.OAuthBearerLoginModule required;`,
      `server.callback.handler.class=${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
      `oauthbearer.jwks.endpoint.url=${tokens.keysUrl}`,
      `oauthbearer.expected.issuer=${tokens.issuer}`,
      `oauthbearer.expected.audience=${TOKEN_AUDIENCE}`,
    ].map((setting) => `${name}.oauthbearer.sasl.${setting}`),
  ]
}

function certificates({ ca, signed: { localhost } }: Authority): readonly string[] {
  const { cert, key } = localhost ?? { cert: '', key: '' }
  return [
    'ssl.keystore.type=PEM',
    `ssl.keystore.certificate.chain=${oneLine(cert)}`,
    `ssl.keystore.key=${oneLine(key)}`,
    'ssl.truststore.type=PEM',
    `ssl.truststore.certificates=${oneLine(ca)}`,
    'listener.name.ssl.ssl.client.auth=required',
  ]
}

function oneLine(pem: string): string {
  return pem.trim().replaceAll('\n', '\\n')
}
