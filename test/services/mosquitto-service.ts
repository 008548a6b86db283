/** A Mosquitto broker for tests. */
export interface MosquittoService {
  /** `mqtt://127.0.0.1:port`. */
  readonly url: string
  /** The same broker over WebSocket: `ws://127.0.0.1:port`; `undefined` where there is none. */
  readonly webSocketUrl: string | undefined
  /** The same broker with TLS: `mqtts://127.0.0.1:port`; only where certificates were given. */
  readonly tlsUrl?: string
  /** And over WebSocket: `wss://127.0.0.1:port`. */
  readonly tlsWebSocketUrl?: string
  /** Where it comes from. */
  readonly origin: 'CROSSDOCK_TEST_MQTT_URL' | 'debian' | 'installed'
  /** Whether everything below but `stop` works: not on a broker that someone else runs. */
  readonly controllable: boolean
  /** Ends the broker and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it under the same url, with the sessions it has kept. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. `restart` brings it back. */
  kill(): Promise<void>
}
