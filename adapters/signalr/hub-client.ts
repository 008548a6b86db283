import {
  DefaultHttpClient,
  type HttpRequest,
  type HttpResponse,
  type HubConnection,
  HubConnectionBuilder,
  HttpTransportType,
  LogLevel,
  NullLogger,
} from '@microsoft/signalr'
import { Call, callProtocol } from './call-protocol.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'

const TRANSPORTS = {
  auto: HttpTransportType.None,
  websockets: HttpTransportType.WebSockets,
  server_sent_events: HttpTransportType.ServerSentEvents,
  long_polling: HttpTransportType.LongPolling,
}

/** What {@link createHubClient} tells of beside the library's own events. */
interface HubClientEvents {
  /** Something came from the hub. */
  readonly heard?: () => void
  /** A request failed, with this error, of which the library shows a text alone. */
  readonly failed?: (error: unknown) => void
}

/** The library's own, which tells of what failed. */
class TellingHttpClient extends DefaultHttpClient {
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    super(NullLogger.instance)
    this.#failed = failed
  }

  override async send(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await super.send(request)
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }
}

/**
 * A client for one connection to the hub. It does not connect again by itself: the library gives up on the first
 * start, and tells a token that was refused from nothing else.
 * @param token asked for at each request that shows it
 */
export function createHubClient(
  options: SignalrConnectionOptions,
  token: (() => Promise<string>) | undefined,
  { heard = () => undefined, failed = () => undefined }: HubClientEvents = {},
): HubConnection {
  const builder = new HubConnectionBuilder()
    .withUrl(options.url, {
      // None would allow none at all; left out, the library takes what the hub offers.
      ...(options.transport !== 'auto' && { transport: TRANSPORTS[options.transport] }),
      httpClient: new TellingHttpClient(failed),
      ...(token !== undefined && { accessTokenFactory: token }),
      ...(options.headers !== undefined && { headers: options.headers }),
      // Of a request, but long polling has one that waits for the hub.
      timeout: Math.max(options.connect_timeout, 100_000),
    })
    // Its lines are about what callers are told as errors, and name the connection's token.
    .configureLogging(LogLevel.None)
    .withHubProtocol(callProtocol(options.protocol, heard))
    .withKeepAliveInterval(options.keepalive)
    .withServerTimeout(options.server_timeout)
  return (options.stateful_reconnect ? builder.withStatefulReconnect() : builder).build()
}

/** Invokes a method of the hub by its name and arguments alone. Resolves with its result, or a {@link HubRefusal}. */
export async function invokePlainly(
  client: HubConnection,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  const call = new Call({ target: method, args, headers: {}, isAwaited: true })
  return await client.invoke<unknown>(method, call)
}

/** Whether a break of this connection is mended by a stateful reconnect; what the library does not show is none. */
export function isStateful(client: HubConnection): boolean {
  const { connection } = client as unknown as {
    readonly connection?: { readonly features?: { readonly reconnect?: unknown } }
  }
  return connection?.features?.reconnect === true
}
