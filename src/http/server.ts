import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'
import { CrossdockError } from '../domain/errors.ts'
import type { HttpHost, HttpPortOptions, HttpRequest, HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'
import type { Log } from '../ports/log.ts'
import { isReservedPath } from '../ports/reserved-paths.ts'
import { answerClientError } from './client-error.ts'
import { trackConnections } from './connections.ts'
import { pathOf, send, toHttpRequest } from './exchange.ts'
import { createGate } from './gate.ts'
import { listenFailed } from './listen-failed.ts'
import { isNotYet } from './not-yet.ts'
import { isUnexpected, problemOf, tooLargeProblem, unroutedProblem } from './problem.ts'
import { receiveBody } from './request-body.ts'
import type { HttpResource, ResourceRoute } from './resource.ts'
import { createRouteTable } from './route-table.ts'

/** What the HTTP server is made of. */
export interface HttpServerOptions {
  /** Where to listen; `localhost` is 127.0.0.1. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly bodyLimitBytes: number
  readonly log: Log
  /** Names that requests may call this server by, besides those of loopback; see docs/http-api.md. */
  readonly allowedHosts?: readonly string[] | undefined
  readonly resources: readonly HttpResource[]
  /** PEM texts; left out: no encryption. */
  readonly tls?: HttpPortOptions['tls']
  /** Its key in the configuration, for errors; left out: `http`. */
  readonly key?: string | undefined
}

/** The HTTP server. */
export interface HttpServer {
  /** Where adapters put their routes, before {@link HttpServer.listen}. */
  readonly host: HttpHost
  /** @throws CrossdockError `http_listen_failed`, with `host`, `port` and `reason` in its details. */
  listen(): Promise<{ readonly url: string }>
  /** From now on only health is answered, everything else is 503; what is under way goes on. */
  drain(): void
  /**
   * Drains, stops listening, closes what is idle, and waits for the requests under way; those that
   * take longer than `graceMs` are cut off. May be called twice, and before `listen`.
   */
  close(options: { readonly graceMs: number }): Promise<void>
}

/** A request that has not arrived by then is broken off. */
const REQUEST_TIMEOUT_MS = 120_000
/** How long an idle connection is kept for further requests. */
const KEEP_ALIVE_MS = 72_000
/** The longest `:name` part of an address. */
const MAX_PARAM_LENGTH = 500

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly whileStopping?: boolean
    readonly writes?: boolean
    readonly jsonOnly?: boolean
  }
}

/** No route has a schema of fastify's: what compiles them, a tenth of the modules of a start, is not even loaded. */
const WITHOUT_SCHEMAS = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema },
}

function refuseSchema(): never {
  throw new CrossdockError('not_available', 'a route has a schema, and nothing compiles it')
}

/** Makes the server; nothing listens before {@link HttpServer.listen}. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { log, bodyLimitBytes, key = 'http' } = options
  const listenHost =
    options.host.toLowerCase() === 'localhost' ? '127.0.0.1' : withoutBrackets(options.host)
  const gate = createGate({ listenHost, allowedHosts: options.allowedHosts ?? [] })
  const table = createRouteTable()
  let state: 'new' | 'listening' | 'draining' = 'new'
  let closed: Promise<void> | undefined
  const isDraining = (): boolean => state === 'draining'

  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const response = problemOf(error)
    const fields = { method: request.method, path: pathOf(request), error }
    if (isUnexpected(response)) log.error(fields, 'a request failed')
    else log.debug(fields, 'a request was refused')
    return send(reply, response)
  }

  const app = fastify({
    serverFactory: (listener) => makeServer(listener, options.tls),
    bodyLimit: bodyLimitBytes,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    schemaController: WITHOUT_SCHEMAS,
    clientErrorHandler: answerClientError,
  })
  const connections = trackConnections(app.server)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: FastifyRequest['raw']) =>
    receiveBody(payload, bodyLimitBytes),
  )
  app.setErrorHandler(fail)
  app.setNotFoundHandler((request, reply) =>
    send(reply, unroutedProblem(table.methodsOf(pathOf(request)))),
  )

  app.addHook('onRequest', async (request, reply) => {
    const refusal = gate(request, { ...request.routeOptions.config, draining: isDraining() })
    if (refusal !== undefined) return send(reply, refusal)
    if (isNotYet(request.method, pathOf(request))) return send(reply, unroutedProblem([]))
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    if (isDraining()) reply.header('connection', 'close')
  })

  const addRoute = ({
    method,
    path,
    writes,
    jsonOnly,
    whileStopping,
    handle,
  }: RouteToAdd): void => {
    if (!table.add(method, path)) {
      throw new CrossdockError(
        'config_invalid',
        `Two routes are ${method} ${path}: give one another path or method.`,
      )
    }
    app.route({
      method,
      url: path,
      // The HEAD of a subscription's GET would store a message.
      exposeHeadRoute: !writes,
      config: { writes, jsonOnly, whileStopping },
      handler: async (request, reply) => {
        const { body } = request
        if (body === 'too_large') return send(reply, tooLargeProblem(bodyLimitBytes, key))
        if (body === 'broken_off')
          return send(reply, httpProblem('bad_request', 'The body broke off.'))
        return send(reply, await handle(toHttpRequest(request, reply), isDraining()))
      },
    })
  }

  for (const route of options.resources.flat()) addRoute(ownRoute(route))

  return {
    host: {
      route: (route) => {
        const { method, path } = route
        if (state !== 'new') {
          throw new CrossdockError(
            'usage',
            `Route ${method} ${path} came after the server began to listen.`,
          )
        }
        if (isReservedPath(path)) {
          throw new CrossdockError(
            'config_invalid',
            `The path ${path} is reserved: give the subscription another one, such as /in${path}.`,
          )
        }
        addRoute({
          method,
          path,
          writes: true,
          jsonOnly: false,
          whileStopping: false,
          handle: (request) => route.handle(request),
        })
      },
      port: (port) => {
        const server = createHttpServer({ ...port, log, resources: [] })
        return {
          route: (route) => server.host.route(route),
          listen: () => server.listen(),
          close: (how) => server.close(how),
        }
      },
    },
    listen: async () => {
      state = 'listening'
      try {
        const address = await app.listen({ host: listenHost, port: options.port })
        // The framework does not see what the server of its own encrypts.
        const url = options.tls === undefined ? address : address.replace(/^http:/, 'https:')
        return { url: url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:') }
      } catch (error) {
        throw listenFailed(error, { host: listenHost, port: options.port, key })
      }
    },
    drain: () => {
      state = 'draining'
    },
    close: ({ graceMs }) => {
      state = 'draining'
      closed ??= (async () => {
        const closing = app.close()
        connections.closeWhenIdle()
        const timer = setTimeout(() => connections.closeAll(), graceMs)
        await closing.then(
          () => clearTimeout(timer),
          () => clearTimeout(timer),
        )
      })()
      return closed
    },
  }
}

/** Node's server. Without a Host header there is an answer of ours as well: the gate's. */
function makeServer(listener: RequestListener, tls: HttpPortOptions['tls']): Server {
  const common = {
    requireHostHeader: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  if (tls === undefined) return createServer(common, listener)
  const { cert, key, ca } = tls
  const known = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }
  return createHttpsServer({ ...common, cert, key, ...known }, listener)
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

interface RouteToAdd {
  readonly method: string
  readonly path: string
  readonly writes: boolean
  readonly jsonOnly: boolean
  readonly whileStopping: boolean
  readonly handle: (request: HttpRequest, stopping: boolean) => Promise<HttpResponse>
}

function ownRoute(route: ResourceRoute): RouteToAdd {
  const writes = route.method !== 'GET'
  return {
    method: route.method,
    path: route.path,
    writes,
    jsonOnly: writes,
    whileStopping: route.whileStopping ?? false,
    handle: (request, stopping) => route.handle({ ...request, stopping }),
  }
}
