/** A message of the hub's to its clients. */
export interface HubMessage {
  readonly event: string
  /** `{ base64 }` stands for bytes. */
  readonly args?: readonly unknown[]
  readonly headers?: Readonly<Record<string, string>>
}

/** What the hub has seen so far. */
export interface HubState {
  /** What clients have called, in order. */
  readonly invoked: readonly { readonly method: string; readonly args: readonly unknown[] }[]
  /** Connections that have called `Join`. */
  readonly joined: number
  readonly connections: number
  /** Connections since its start. */
  readonly connected: number
  /** Results and errors that it was given by {@link SignalrService.deliver}. */
  readonly answers: number
  readonly refusals: number
  /** Of each negotiation. */
  readonly tokens: readonly string[]
  /** Of each call of {@link HubState.invoked}. */
  readonly headers: readonly Readonly<Record<string, string>>[]
}

/** A SignalR hub for tests: test/services/signalr/hub.py says more. */
export interface SignalrService {
  /** Of the hub: `http://127.0.0.1:port/hub`. */
  readonly url: string
  /** Where it comes from. */
  readonly origin: 'CROSSDOCK_TEST_SIGNALR_URL' | 'python'
  /** Whether `kill` and `restart` work: not on one that someone else runs. */
  readonly controllable: boolean
  /** Sends to every connection, without waiting for an answer; with `cut` they are broken before it. */
  send(message: HubMessage & { readonly times?: number; readonly cut?: boolean }): Promise<void>
  /** Waits for the result of the connection that joined last, or came last. */
  invoke(message: HubMessage): Promise<{ readonly result?: unknown; readonly error?: string }>
  /** Invokes each, of a connection that joined this room, until it is answered with a result. */
  deliver(messages: readonly HubMessage[], room: string): Promise<void>
  /** Breaks every connection. */
  drop(): Promise<void>
  /** Says goodbye to every connection. */
  close(options: { readonly error?: string; readonly allow_reconnect?: boolean }): Promise<void>
  /** Only these tokens may connect from now on; `null`: anybody. */
  accept(tokens: readonly string[] | null): Promise<void>
  state(): Promise<HubState>
  /** Ends the hub; may be called twice. */
  stop(): Promise<void>
  /** Ends it, if it runs, and starts it under the same url. It forgets everything. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. `restart` brings it back. */
  kill(): Promise<void>
}
