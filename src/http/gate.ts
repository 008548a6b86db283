import { mediaTypeOf } from '../ports/http-body.ts'
import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'
import { isCrossSite } from './cross-site.ts'
import { createHostCheck, type KnownHosts } from './known-host.ts'
import { stoppingProblem } from './problem.ts'

/** What the gate knows of a request's route; an address without a route has none of it. */
export interface Passage {
  /** The instance is stopping. */
  readonly draining: boolean
  readonly whileStopping?: boolean
  /** It changes something: no page of another site may send it. */
  readonly writes?: boolean
  readonly jsonOnly?: boolean
}

/** What is decided from the head of a request alone, before its body is received. */
export function createGate(hosts: KnownHosts) {
  const isKnownHost = createHostCheck(hosts)
  return (
    request: Pick<HttpRequest, 'headers'>,
    { draining, whileStopping, writes, jsonOnly }: Passage,
  ): HttpResponse | undefined => {
    if (!isKnownHost(hostOf(request))) {
      return httpProblem(
        'unknown_host',
        'This server does not go by the name that the request calls it.',
      )
    }
    if (draining && whileStopping !== true) return stoppingProblem()
    if (writes === true && isCrossSite(request)) {
      return httpProblem('cross_site', 'A page of another site may not send this request.')
    }
    if (jsonOnly === true && mediaTypeOf(request) !== 'application/json') {
      return httpProblem(
        'unsupported_media_type',
        'Send JSON, with the header content-type: application/json.',
      )
    }
    return undefined
  }
}

function hostOf({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const host = headers['host']
  return typeof host === 'string' ? host : undefined
}
