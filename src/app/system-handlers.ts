import type { Configuration } from '../config/configuration.ts'
import { createRegistry } from '../handler-kit/registry.ts'
import type { Clock } from '../ports/clock.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'
import type { HealthReport } from '../ports/health.ts'
import type { RetentionStore } from '../ports/retention.ts'
import { healthHandler } from '../system/health.ts'
import { retentionHandler } from '../system/retention.ts'
import { retryFailedHandler } from '../system/retry-failed.ts'
import { CrossdockError } from '../domain/errors.ts'

/** What the program's own handlers work with. */
export interface SystemSources {
  readonly retention: RetentionStore
  readonly health: () => Promise<HealthReport>
  readonly deadLetters: DeadLetters
  /** The database's clock, in milliseconds since 1970. */
  readonly now: () => Promise<number>
}

/** Where {@link SystemSources} are put once they are there: before the workers are started. */
export interface SystemParts {
  sources?: SystemSources
}

/**
 * These handlers, and the program's own, which every instance has. They are given what no user's handler needs: a
 * transaction alone is not enough for clean-up, which commits step by step.
 * @throws CrossdockError `handler_duplicate`
 */
export function withSystemHandlers(
  handlers: HandlerRegistry,
  { jobs, instance }: Pick<Configuration, 'jobs' | 'instance'>,
  clock: Clock,
  parts: SystemParts,
): HandlerRegistry {
  const sources = (): SystemSources => {
    if (parts.sources === undefined) {
      throw new CrossdockError('instance_stopping', 'this instance is not up yet')
    }
    return parts.sources
  }
  const own: readonly Handler[] = [
    retentionHandler({ settings: jobs.retention, store: () => sources().retention, clock }),
    healthHandler({ health: () => sources().health(), instanceId: instance.id }),
    retryFailedHandler({ deadLetters: () => sources().deadLetters, now: () => sources().now() }),
  ]
  return createRegistry([...own, ...handlers.names().flatMap((name) => handlers.get(name) ?? [])])
}
