import type { Authority } from './certificates.ts'

/** A message broker that speaks STOMP, for tests: ActiveMQ Classic or Artemis. */
export interface StompBroker {
  readonly kind: 'classic' | 'artemis'
  /** `stomp://127.0.0.1:port`. Anybody may come in without a name. */
  readonly url: string
  /** The same broker with TLS: `stomp+ssl://127.0.0.1:port`; `undefined` where there is none. */
  readonly tlsUrl: string | undefined
  /** And over WebSocket: `ws://127.0.0.1:port`. */
  readonly webSocketUrl: string | undefined
  /** And over WebSocket with TLS: `wss://127.0.0.1:port`. */
  readonly tlsWebSocketUrl: string | undefined
  /** Has signed the broker's certificate, and one named `client`, which Artemis asks for. */
  readonly authority: Authority | undefined
  /** Who may sign in; another password is refused. */
  readonly account: { readonly username: string; readonly password: string }
  /** The broker's own command line on it; `undefined` on a broker that someone else runs. */
  readonly tools: StompBrokerTools | undefined
  readonly origin: 'CROSSDOCK_TEST_ACTIVEMQ' | 'CROSSDOCK_TEST_ARTEMIS' | 'maven'
  /** Whether everything below but `stop` works: not on a broker that someone else runs. */
  readonly controllable: boolean
  /** Ends the broker and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it at the same address, with its data. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. `restart` brings it back. */
  kill(): Promise<void>
}

/** The broker's own producer and consumer: the foreign client at the other end. Queues are named without `/queue/`. */
export interface StompBrokerTools {
  /** Sends text messages to a queue, each the same text. */
  produce(queue: string, message: string, count: number): Promise<void>
  /** Takes messages from a queue, and returns what it prints. */
  consume(queue: string, count: number): Promise<string>
}

/**
 * What the names of queues and topics of tests begin with: others are for nobody, so that a refusal can be tried.
 */
export const TEST_PREFIX = 'test.'
