import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'

/** A request to a route of our own. */
export interface ResourceRequest extends HttpRequest {
  /** The instance is stopping. */
  readonly stopping: boolean
}

/** One route of our own. Those that write (every method but GET) want `application/json`. */
export interface ResourceRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  /** Answered also while the instance stops; the others get a 503. */
  readonly whileStopping?: boolean
  handle(request: ResourceRequest): Promise<HttpResponse>
}

/** The routes of one resource. */
export type HttpResource = readonly ResourceRoute[]

/** A response body that is JSON text already. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}
