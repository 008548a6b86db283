/** A request as the HTTP server hands it to an adapter: everything in it comes from outside. */
export interface HttpRequest {
  readonly method: string
  /** The path as sent, without the query. */
  readonly path: string
  /** Names and values of `:name` parts of the route, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | readonly string[]>>
  /** The query as sent, without the question mark; empty when there is none. */
  readonly queryText: string
  /** Names in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Header names and values alternating, as sent. */
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array
  /** Aborts when the connection has gone before there was an answer, and once there is one. */
  closed(): AbortSignal
}

/** What an adapter answers. */
export interface HttpResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; left out: an empty body. A `content-type` among the headers is kept. */
  readonly body?: unknown
}

/** One route of an adapter. */
export interface HttpRoute {
  readonly method: string
  /** May hold `:name` parts. Reserved: `/api`, `/health` and the other paths of the contract. */
  readonly path: string
  /** Rejecting with a `CrossdockError` answers with its problem: `database_unavailable` is a 503. */
  handle(request: HttpRequest): Promise<HttpResponse>
}

/** A port of an adapter's own. */
export interface HttpPortOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly bodyLimitBytes: number
  /** PEM texts; with `ca` only clients with a certificate of it are let in. Left out: no encryption. */
  readonly tls?:
    { readonly cert: string; readonly key: string; readonly ca?: string | undefined } | undefined
  /** The key of the configuration that asks for it, which errors name: `integrations.http.connections.hooks.listen`. */
  readonly key: string
}

/** A server on a port of its own: what a {@link HttpHost} takes and answers it does alike, for its own routes alone. */
export interface HttpPort {
  /** As {@link HttpHost.route}. */
  route(route: HttpRoute): void
  /** @throws CrossdockError `http_listen_failed`, which names the key, such as for a port that is taken. */
  listen(): Promise<{ readonly url: string }>
  /** Stops listening, and waits for the requests under way, for `graceMs` at the longest. May be called twice. */
  close(options: { readonly graceMs: number }): Promise<void>
}

/** The HTTP server, as adapters see it: routes are given before it listens. */
export interface HttpHost {
  /**
   * Adds a route.
   * @throws CrossdockError `config_invalid` when the path is reserved or taken, `usage` once the
   *   server listens.
   */
  route(route: HttpRoute): void
  /** Makes a server on another port, which belongs to the caller; nothing listens yet. */
  port(options: HttpPortOptions): HttpPort
}
