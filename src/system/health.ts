import type { Handler } from '../ports/handler.ts'
import type { HealthReport } from '../ports/health.ts'

/**
 * `system.health`: what `/health` says of the instance that runs it, as the job's result, and in the log where something
 * is not well. One attempt, since the next tick asks again.
 */
export function healthHandler({
  health,
  instanceId,
}: {
  readonly health: () => Promise<HealthReport>
  readonly instanceId: string
}): Handler {
  return {
    name: 'system.health',
    queue: 'system',
    transaction: 'none',
    maxRetries: 0,
    timeoutMs: 30_000,
    schedule: {
      description: 'Writes how an instance is into the result of its job',
      everySeconds: 300,
      misfire: 'skip',
      overlap: 'skip',
    },
    run: async ({ log }) => {
      const { status, components } = await health()
      const unwell = Object.entries(components).flatMap(([name, each]) =>
        each.status === 'ok' ? [] : [name],
      )
      if (unwell.length > 0) log.warn({ status, unwell }, 'not everything is well')
      return { instance: instanceId, status, components }
    },
  }
}
