import { systemClock } from '../../../src/app/system-clock.ts'
import { closest } from '../../../src/config/suggestion.ts'
import type { Execution, Job, NewJob } from '../../../src/domain/job.ts'
import { parseInput } from '../../../src/handler-kit/validate-input.ts'
import { createJobWaits } from '../../../src/http/job-waits.ts'
import { createJobsResource } from '../../../src/http/jobs.ts'
import type { HttpResource } from '../../../src/http/resource.ts'
import { inboxKey } from '../../../src/ingest/inbox-key.ts'
import type { Handler, HandlerRegistry } from '../../../src/ports/handler.ts'

/** A job as its row would say, with `changes`. */
export function someJob(changes: Partial<Job> = {}): Job {
  return {
    id: 'job-1',
    name: null,
    description: null,
    handler: 'orders.place',
    type: 'manual',
    status: 'pending',
    protocol: null,
    direction: 'internal',
    method: null,
    queue: 'default',
    priority: 0,
    payload: null,
    contentType: null,
    payloadEncoding: null,
    headers: null,
    metadata: null,
    result: null,
    lastError: null,
    deadReason: null,
    progress: { current: 0, total: 100, message: null },
    retryCount: 0,
    maxRetries: null,
    timeoutSeconds: null,
    tenantId: null,
    createdBy: null,
    parentJobId: null,
    orderingKey: null,
    correlationId: null,
    traceparent: null,
    scheduledAt: null,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    startedAt: null,
    completedAt: null,
    version: 1,
    ...changes,
  }
}

/** What the routes of jobs work with, in memory. */
export interface MemoryJobs {
  readonly resource: HttpResource
  /** What was enqueued, in order. */
  readonly enqueued: NewJob[]
  readonly jobs: Map<string, Job>
  readonly executions: Map<string, readonly Execution[]>
  /** Thrown by everything that asks the database, when set. */
  failure: Error | undefined
  /** Awaited by every enqueue. */
  commit: Promise<void>
}

/** The time of {@link memoryJobs}. */
const NOW = Date.parse('2026-06-01T00:00:00Z')

/** Routes of jobs on an empty memory. */
export function memoryJobs(handlers: readonly Handler[] = []): MemoryJobs {
  const registry: HandlerRegistry = {
    handlerOf: ({ handler }) => registry.get(handler),
    get: (name) => handlers.find((handler) => handler.name === name),
    names: () => handlers.map(({ name }) => name),
  }
  const jobs = new Map<string, Job>()
  const keys = new Map<string, string>()
  const state: MemoryJobs = {
    enqueued: [],
    jobs,
    executions: new Map(),
    failure: undefined,
    commit: Promise.resolve(),
    resource: createJobsResource({
      store: {
        findJob: async (id) => {
          if (state.failure !== undefined) throw state.failure
          return jobs.get(id)
        },
        listExecutions: async (id) => state.executions.get(id),
      },
      waits: createJobWaits({
        store: { findJob: async (id) => jobs.get(id) },
        clock: systemClock,
      }),
      enqueue: async (job) => {
        if (state.failure !== undefined) throw state.failure
        await state.commit
        const key = job.dedupeKey ?? job.uniqueKey
        const earlier = key === undefined ? undefined : keys.get(key)
        if (earlier !== undefined) return { jobId: earlier, duplicate: true }
        if (key !== undefined) keys.set(key, job.id)
        state.enqueued.push(job)
        jobs.set(job.id, someJob({ id: job.id, handler: job.handler }))
        return { jobId: job.id, duplicate: false }
      },
      handlers: registry,
      parseInput,
      inboxKey,
      closest,
      makeId: () => `job-${String(state.enqueued.length + 1)}`,
      now: () => NOW,
    }),
  }
  return state
}
