import type { Store } from '../ports/store.ts'
import { isStorable } from '../domain/storable.ts'
import { createJob, type CreateJobOptions } from './create-job.ts'
import { executionsJson, jobJson, jobStatusJson } from './job-json.ts'
import { jobNotFoundProblem } from './problem.ts'
import type { HttpResource } from './resource.ts'

/** What the routes of jobs work with. */
export interface JobsResourceOptions extends CreateJobOptions {
  readonly store: Pick<Store, 'findJob' | 'listExecutions'>
}

/** `/api/jobs`. */
export function createJobsResource(options: JobsResourceOptions): HttpResource {
  const { store } = options
  return [
    { method: 'POST', path: '/api/jobs', handle: (request) => createJob(request, options) },
    {
      method: 'GET',
      path: '/api/jobs/:id',
      handle: async ({ params }) => {
        const job = await find(params['id'], (id) => store.findJob(id))
        if (job === undefined) return jobNotFoundProblem()
        return { status: 200, headers: { etag: `"${job.version}"` }, body: jobJson(job) }
      },
    },
    {
      method: 'GET',
      path: '/api/jobs/:id/status',
      handle: async ({ params }) => {
        const job = await find(params['id'], (id) => store.findJob(id))
        return job === undefined ? jobNotFoundProblem() : { status: 200, body: jobStatusJson(job) }
      },
    },
    {
      method: 'GET',
      path: '/api/jobs/:id/history',
      handle: async ({ params: { id = '' } }) => {
        const executions = await find(id, (known) => store.listExecutions(known))
        if (executions === undefined) return jobNotFoundProblem()
        return { status: 200, body: executionsJson(id, executions) }
      },
    },
  ]
}

/** Ids that no row can have are not asked for: the database would refuse the question. */
async function find<T>(
  id: string | undefined,
  read: (id: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  return id !== undefined && isStorable(id) ? read(id) : undefined
}
