import type { HealthReport } from '../ports/health.ts'
import type { HttpResponse } from '../ports/http-host.ts'
import type { HttpResource } from './resource.ts'
import { snakeCaseKeys } from './snake-case.ts'

/** What the health routes ask. */
export interface HealthResourceOptions {
  readonly health: () => Promise<HealthReport>
  /** The whole state of the instance, camelCase: shown by `/status` in snake_case. */
  readonly status: () => object | Promise<object>
}

/** `/health`, `/livez`, `/readyz` and `/status`. */
export function createHealthResource({ health, status }: HealthResourceOptions): HttpResource {
  return [
    {
      method: 'GET',
      path: '/health',
      whileStopping: true,
      handle: async ({ stopping }) => healthResponse(await health(), stopping),
    },
    {
      method: 'GET',
      path: '/livez',
      whileStopping: true,
      // That this runs at all is the answer: a restart mends no database.
      handle: async () => ({ status: 200, body: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      whileStopping: true,
      handle: async ({ stopping }) => {
        if (stopping) return notReady('stopping')
        return (await health()).status === 'down'
          ? notReady('database_unavailable')
          : { status: 200, body: { status: 'ready' } }
      },
    },
    {
      method: 'GET',
      path: '/status',
      whileStopping: true,
      handle: async () => ({ status: 200, body: snakeCaseKeys(await status()) }),
    },
  ]
}

function healthResponse(report: HealthReport, stopping: boolean): HttpResponse {
  const components = Object.entries(report.components).map(([name, { facts, ...component }]) => [
    name,
    // Facts first: none of them takes the place of the status.
    { ...(snakeCaseKeys(facts ?? {}) as object), ...component },
  ])
  return {
    status: report.status === 'down' ? 503 : 200,
    body: { status: report.status, stopping, components: Object.fromEntries(components) as object },
  }
}

function notReady(reason: string): HttpResponse {
  return { status: 503, headers: { 'retry-after': '1' }, body: { status: 'not_ready', reason } }
}
