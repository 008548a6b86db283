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

/** The HTTP server, as adapters see it: routes are given before it listens. */
export interface HttpHost {
  /**
   * Adds a route.
   * @throws CrossdockError `config_invalid` when the path is reserved or taken, `usage` once the
   *   server listens.
   */
  route(route: HttpRoute): void
}
