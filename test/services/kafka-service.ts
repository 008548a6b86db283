import type { Authority } from './certificates.ts'
import type { KafkaTools } from './kafka-tools.ts'
import type { TokenServer } from './token-server.ts'

/** An Apache Kafka broker for tests. */
export interface KafkaService {
  /** `127.0.0.1:port`, without TLS and without a sign-in. */
  readonly brokers: string
  /** Where clients sign in, by PLAIN, SCRAM or OAUTHBEARER; `undefined` where there is no such listener. */
  readonly saslBrokers: string | undefined
  /** The same with TLS. */
  readonly saslTlsBrokers: string | undefined
  /** With TLS, and a certificate of the client. */
  readonly tlsBrokers: string | undefined
  /** Those who may sign in. */
  readonly accounts: KafkaAccounts
  /** Gives the tokens of OAUTHBEARER; the broker takes those for its audience. `undefined` where nobody signs in. */
  readonly tokens: (TokenServer & { readonly audience: string }) | undefined
  /** Has signed the broker's certificate, and one named `client`; `undefined` where there is no TLS. */
  readonly authority: Authority | undefined
  /** Kafka's own command line, on this broker. */
  readonly tools: KafkaTools
  /** Where it comes from. */
  readonly origin: 'CROSSDOCK_TEST_KAFKA' | 'maven'
  /** Whether everything below but `stop` works: not on a broker that someone else runs. */
  readonly controllable: boolean
  /** The broker's, as of now; `undefined` where it is not controllable. */
  readonly pid: number | undefined
  /** Ends the broker and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it at the same address, with its data. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. `restart` brings it back. */
  kill(): Promise<void>
  /** Lets it answer nothing, while its ports stay open, until `resume`. */
  pause(): void
  /** Ends a `pause`. */
  resume(): void
}

/** Those who may sign in; each name is good for its own mechanism. */
export interface KafkaAccounts {
  readonly plain: KafkaAccount
  /** Of SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly scram: KafkaAccount
}

/** A name and its password. */
export interface KafkaAccount {
  readonly username: string
  readonly password: string
}
