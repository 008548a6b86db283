import { isStorable } from '../domain/storable.ts'
import { readJsonBody } from '../ports/http-body.ts'
import type { HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'
import type { StoredSchedule } from '../ports/schedule-book.ts'
import type { ScheduleOperations, ScheduleOutcome } from '../ports/schedule-operations.ts'
import { inputProblem } from './problem.ts'
import { rawMember } from './raw-member.ts'
import type { HttpResource, ResourceRequest } from './resource.ts'
import { checkNewSchedule, checkScheduleChange } from './schedule-body.ts'
import { previewJson, scheduleJson } from './schedule-json.ts'

/** What the routes of schedules work with. */
export interface SchedulesResourceOptions {
  readonly operations: ScheduleOperations
  /** Whether callers may write SQL into `condition`. */
  readonly mayWriteConditions: boolean
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000
const DEFAULT_PREVIEW = 10

/** `/api/schedules`. */
export function createSchedulesResource(options: SchedulesResourceOptions): HttpResource {
  const { operations } = options
  const one = '/api/schedules/:id'
  return [
    {
      method: 'GET',
      path: '/api/schedules',
      handle: async ({ query }) => {
        const limit = whole(query['limit'], DEFAULT_LIMIT, MAX_LIMIT)
        if (limit === undefined) return badNumber('limit', MAX_LIMIT)
        const cursor = typeof query['cursor'] === 'string' ? query['cursor'] : null
        if (cursor !== null && !isStorable(cursor)) return notFound()
        const schedules = await operations.list({ after: cursor, limit })
        const last = schedules.length === limit ? schedules.at(-1)?.id : undefined
        return {
          status: 200,
          body: { data: schedules.map(scheduleJson), next_cursor: last ?? null },
        }
      },
    },
    { method: 'POST', path: '/api/schedules', handle: (request) => create(request, options) },
    {
      method: 'GET',
      path: one,
      handle: async ({ params }) => {
        const schedule = await operations.find(idOf(params))
        return schedule === undefined ? notFound() : shown(200, schedule)
      },
    },
    { method: 'PATCH', path: one, handle: (request) => change(request, options) },
    {
      method: 'DELETE',
      path: one,
      handle: async (request) => {
        const version = versionOf(request)
        if (version === 'unreadable') return stale()
        const outcome = await operations.remove({ idOrName: idOf(request.params), version })
        return answer(outcome, () => ({ status: 204 }))
      },
    },
    {
      method: 'POST',
      path: `${one}/run`,
      handle: async ({ params }) =>
        answer(await operations.run(idOf(params)), ({ jobId }) => ({
          status: 202,
          headers: { location: `/api/jobs/${encodeURIComponent(jobId)}` },
          body: { id: jobId, job_id: jobId, status: 'pending' },
        })),
    },
    ...(['pause', 'resume'] as const).map((action) => ({
      method: 'POST' as const,
      path: `${one}/${action}`,
      handle: async ({ params }: ResourceRequest): Promise<HttpResponse> => {
        const which = { idOrName: idOf(params) }
        const outcome = await operations.change(which, { enabled: action === 'resume' })
        return answer(outcome, (schedule) => shown(200, schedule))
      },
    })),
    {
      method: 'GET',
      path: `${one}/preview`,
      handle: async ({ params, query }) => {
        const count = whole(query['count'], DEFAULT_PREVIEW, MAX_LIMIT)
        if (count === undefined) return badNumber('count', MAX_LIMIT)
        const outcome = await operations.preview(idOf(params), count)
        return answer(outcome, (preview) => ({ status: 200, body: previewJson(preview) }))
      },
    },
    {
      method: 'POST',
      path: `${one}/backfill`,
      handle: (request) => backfill(request, operations),
    },
  ]
}

async function create(
  request: ResourceRequest,
  { operations, mayWriteConditions }: SchedulesResourceOptions,
): Promise<HttpResponse> {
  const json = readJsonBody(request)
  if (!json.ok) return json.problem
  const checked = checkNewSchedule(json.value.parsed, rawMember(json.value.text, 'payload'))
  if (!checked.ok) return inputProblem(checked.problems)
  const { condition = null } = checked.settings
  if (condition !== null && !mayWriteConditions) return conditionForbidden()
  const outcome = await operations.create(checked.settings, null)
  return answer(outcome, (schedule) => shown(201, schedule))
}

async function change(
  request: ResourceRequest,
  { operations, mayWriteConditions }: SchedulesResourceOptions,
): Promise<HttpResponse> {
  const version = versionOf(request)
  if (version === 'unreadable') return stale()
  const json = readJsonBody(request)
  if (!json.ok) return json.problem
  const checked = checkScheduleChange(json.value.parsed, rawMember(json.value.text, 'payload'))
  if (!checked.ok) return inputProblem(checked.problems)
  if (checked.settings.condition !== undefined && !mayWriteConditions) return conditionForbidden()
  const outcome = await operations.change(
    { idOrName: idOf(request.params), version },
    checked.settings,
  )
  return answer(outcome, (schedule) => shown(200, schedule))
}

async function backfill(
  request: ResourceRequest,
  operations: ScheduleOperations,
): Promise<HttpResponse> {
  const json = readJsonBody(request)
  if (!json.ok) return json.problem
  const { parsed } = json.value
  const member = (name: string): number => {
    const value: unknown =
      typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, name) : undefined
    return typeof value === 'string' && /(?:Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : NaN
  }
  const window = { from: member('from'), to: member('to') }
  const wrong = (['from', 'to'] as const).filter((name) => Number.isNaN(window[name]))
  if (wrong.length > 0) {
    return inputProblem(
      wrong.map((path) => ({ path, message: 'must be a time such as 2026-01-31T08:00:00Z' })),
    )
  }
  const outcome = await operations.backfill(idOf(request.params), window)
  return answer(outcome, ({ jobIds, existing }) => ({
    status: 202,
    body: { job_ids: jobIds, created: jobIds.length, existing },
  }))
}

function answer<Value>(
  outcome: ScheduleOutcome<Value>,
  done: (value: Value) => HttpResponse,
): HttpResponse {
  switch (outcome.kind) {
    case 'done':
      return done(outcome.value)
    case 'not_found':
      return notFound()
    case 'stale':
      return stale()
    case 'taken':
      return httpProblem('schedule_conflict', 'There is another schedule of this name.')
    case 'invalid':
      return inputProblem([{ path: '', message: outcome.problem }])
  }
}

function shown(status: number, schedule: StoredSchedule): HttpResponse {
  return { status, headers: { etag: `"${schedule.version}"` }, body: scheduleJson(schedule) }
}

function notFound(): HttpResponse {
  return httpProblem('schedule_not_found', 'There is no schedule with this id or name.')
}

function stale(): HttpResponse {
  return httpProblem(
    'version_conflict',
    'The schedule was changed since it was read: read it again, and send its new ETag as If-Match.',
  )
}

function conditionForbidden(): HttpResponse {
  return httpProblem(
    'condition_forbidden',
    'A condition is SQL: it is written by SQL or in the configuration, or over HTTP where the server listens on this machine alone.',
  )
}

/** Ids that no row can have are nobody's: the database would refuse the question. */
function idOf(params: Readonly<Record<string, string>>): string {
  const id = params['id'] ?? ''
  return isStorable(id) ? id : ''
}

/** The version of `If-Match`; `null`: any. */
function versionOf({ headers }: ResourceRequest): number | null | 'unreadable' {
  const given = headers['if-match']
  if (given === undefined || given === '*') return null
  const version = typeof given === 'string' ? /^"(\d{1,10})"$/.exec(given)?.[1] : undefined
  return version === undefined ? 'unreadable' : Number(version)
}

function whole(
  given: string | readonly string[] | undefined,
  fallback: number,
  most: number,
): number | undefined {
  if (given === undefined) return fallback
  const value = typeof given === 'string' && /^\d{1,5}$/.test(given) ? Number(given) : 0
  return value >= 1 && value <= most ? value : undefined
}

function badNumber(path: string, most: number): HttpResponse {
  return inputProblem([{ path, message: `must be a whole number from 1 to ${most}` }])
}
