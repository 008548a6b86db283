import { z } from 'zod'
import { isStorable } from '../domain/storable.ts'
import type { DeadLetters, Replay, ReplayCounts } from '../ports/dead-letters.ts'
import { readJsonBody } from '../ports/http-body.ts'
import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'
import { httpProblem, type HttpProblemCode } from '../ports/http-problem.ts'
import { deadJobJson, deadLetterJson } from './dead-letter-json.ts'
import { deadLetterFilterShape, filterOf } from './dead-letter-filter.ts'
import { inputProblem, jobNotFoundProblem } from './problem.ts'
import type { HttpResource } from './resource.ts'

const cursor = z.string().regex(/^\d{1,18}$/, 'must be a next_cursor of an earlier answer')

const listQuery = z.strictObject({
  ...deadLetterFilterShape,
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: cursor.optional(),
})

const replayBody = z.strictObject({
  force: z.boolean().optional(),
  dry_run: z.boolean().optional(),
})

const replayAllBody = z.strictObject({
  ...deadLetterFilterShape,
  dry_run: z.boolean().optional(),
  limit: z.int().min(1).max(1_000).default(100),
  cursor: cursor.nullish(),
})

/** `/api/dead-letters`. */
export function createDeadLettersResource(deadLetters: DeadLetters): HttpResource {
  return [
    {
      method: 'GET',
      path: '/api/dead-letters',
      handle: async ({ query }) => {
        const parsed = listQuery.safeParse(query)
        if (!parsed.success) return inputProblem(problemsOf(parsed.error))
        const { limit, cursor: after = null, ...filter } = parsed.data
        const { rows, next } = await deadLetters.list({ filter: filterOf(filter), after, limit })
        return { status: 200, body: { data: rows.map(deadLetterJson), next_cursor: next } }
      },
    },
    {
      method: 'GET',
      path: '/api/dead-letters/:id',
      handle: async ({ params: { id = '' } }) => {
        const found = isStorable(id) ? await deadLetters.show(id) : undefined
        return found === undefined
          ? jobNotFoundProblem()
          : { status: 200, body: deadJobJson(found.job, found.replayedAs) }
      },
    },
    {
      method: 'POST',
      path: '/api/dead-letters/:id/replay',
      handle: async (request) => {
        const id = request.params['id'] ?? ''
        const body = readBody(request, replayBody)
        if (!body.ok) return body.problem
        if (!isStorable(id)) return jobNotFoundProblem()
        const { force, dry_run: dryRun } = body.value
        return replayAnswer(id, await deadLetters.replay(id, { force, dryRun }))
      },
    },
    {
      method: 'POST',
      path: '/api/dead-letters/replay',
      handle: async (request) => {
        const body = readBody(request, replayAllBody)
        if (!body.ok) return body.problem
        const { dry_run: dryRun, limit, cursor: after = null, ...filter } = body.value
        const counts = await deadLetters.replayAll(
          { filter: filterOf(filter), after, limit },
          { dryRun },
        )
        return { status: 200, body: { dry_run: dryRun ?? false, ...countsJson(counts) } }
      },
    },
  ]
}

/** Counts as the API shows them. */
function countsJson(counts: ReplayCounts): object {
  return {
    tried: counts.tried,
    replayed: counts.replayed,
    already_replayed: counts.alreadyReplayed,
    refused: counts.refused,
    refusals: counts.refusals,
    next_cursor: counts.next,
  }
}

function replayAnswer(id: string, replay: Replay): HttpResponse {
  switch (replay.outcome) {
    case 'replayed':
      return {
        status: 202,
        headers: { location: `/api/jobs/${encodeURIComponent(replay.jobId)}` },
        body: { id: replay.jobId, job_id: replay.jobId, parent_job_id: id, jobs: replay.jobs },
      }
    case 'replayable':
      return { status: 200, body: { dry_run: true, parent_job_id: id, jobs: replay.jobs } }
    case 'refused': {
      if (replay.reason === 'job_not_found') return jobNotFoundProblem()
      const { reason, message, jobId, problems } = replay
      return httpProblem(CODES[reason] ?? 'replay_refused', message, {
        members: {
          reason,
          ...(jobId !== undefined && { job_id: jobId }),
          ...(problems !== undefined && { problems }),
        },
      })
    }
  }
}

const CODES: Readonly<Partial<Record<string, HttpProblemCode>>> = {
  already_replayed: 'dead_letter_replayed',
  duplicate: 'message_duplicate',
  not_a_dead_letter: 'not_a_dead_letter',
}

/** A body that is left out says nothing. */
function readBody<Schema extends z.ZodType>(
  request: HttpRequest,
  schema: Schema,
):
  | { readonly ok: true; readonly value: z.output<Schema> }
  | { readonly ok: false; readonly problem: HttpResponse } {
  const json = request.body.length === 0 ? undefined : readJsonBody(request)
  if (json?.ok === false) return json
  const parsed = schema.safeParse(json === undefined ? {} : json.value.parsed)
  if (parsed.success) return { ok: true, value: parsed.data }
  return { ok: false, problem: inputProblem(problemsOf(parsed.error)) }
}

function problemsOf({ issues }: z.ZodError): readonly { path: string; message: string }[] {
  return issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
}
