import type { HttpConfiguration } from '../config/configuration.ts'
import { closest } from '../config/suggestion.ts'
import { createDeadLettersResource } from '../http/dead-letters.ts'
import { createHealthResource } from '../http/health.ts'
import { createIntegrationsResource } from '../http/integrations.ts'
import { createJobsResource, type JobsResourceOptions } from '../http/jobs.ts'
import { createQueuesResource, type QueuesResourceOptions } from '../http/queues.ts'
import type { HttpResource } from '../http/resource.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import type { GroupCommit } from '../ingest/group-commit.ts'
import { inboxKey } from '../ingest/inbox-key.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { HealthReport } from '../ports/health.ts'
import type { IntegrationsReport } from '../ports/integrations.ts'
import type { Log } from '../ports/log.ts'
import type { Pauses } from '../ports/pauses.ts'

/** What the server of an instance answers from. */
export interface InstanceServerParts extends Pick<
  JobsResourceOptions,
  'waits' | 'handlers' | 'parseInput' | 'makeId'
> {
  readonly store: JobsResourceOptions['store'] & QueuesResourceOptions['store']
  readonly commit: GroupCommit
  readonly health: () => Promise<HealthReport>
  readonly status: () => Promise<object>
  /** Whether it has more than health and status. */
  readonly hasApi: boolean
  readonly schedules: HttpResource
  readonly integrations: () => IntegrationsReport
  readonly pauses: Pauses
  /** Those of the configuration. */
  readonly queues: readonly string[]
  readonly deadLetters: DeadLetters
  readonly log: Log
}

/** The HTTP server of an instance, with its resources; nothing listens yet. */
export function createInstanceServer(
  settings: HttpConfiguration,
  parts: InstanceServerParts,
): HttpServer {
  const { store, pauses } = parts
  const api = (): readonly HttpResource[] => [
    parts.schedules,
    createJobsResource({
      store,
      waits: parts.waits,
      enqueue: async (job) => {
        const outcome = await parts.commit.add(job)
        return { jobId: outcome.jobId, duplicate: outcome.outcome === 'duplicate' }
      },
      handlers: parts.handlers,
      parseInput: parts.parseInput,
      inboxKey,
      closest,
      makeId: parts.makeId,
      now: Date.now,
    }),
    createIntegrationsResource({ report: parts.integrations, pauses }),
    createQueuesResource({ store, pauses, configured: parts.queues }),
    createDeadLettersResource(parts.deadLetters),
  ]
  return createHttpServer({
    host: settings.host,
    port: settings.port,
    bodyLimitBytes: settings.bodyLimitBytes,
    log: parts.log,
    resources: [
      createHealthResource({ health: parts.health, status: parts.status }),
      ...(parts.hasApi ? api() : []),
    ],
  })
}
