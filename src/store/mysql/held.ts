import type { ExecutionKey } from '../../ports/store.ts'
import type { Database, Run } from './connect.ts'
import { list } from './text.ts'

/** An execution that is its caller's, its row locked. */
export interface HeldRow {
  readonly seq: string
  readonly key: ExecutionKey
  readonly cancelRequested: boolean
}

/**
 * Locks the rows of executions that are still the caller's, in the order of their ids: two groups that
 * share rows then wait for each other instead of locking each other out. Walks queue_jobs_id. The status
 * is asked for in a form that no index can serve.
 * @param options.locked `skip` passes over rows that somebody has locked
 */
export async function lockHeld(
  run: Run,
  { names }: Database,
  keys: readonly ExecutionKey[],
  options: { readonly locked: 'wait' | 'skip' },
): Promise<readonly HeldRow[]> {
  if (keys.length === 0) return []
  const ids = [...new Set(keys.map(({ jobId }) => jobId))]
  const { rows } = await run<{
    seq: string
    id: string
    leaseepoch: number
    cancelrequested: number
  }>(`SELECT seq, id, leaseepoch, cancelrequested FROM ${names.queueJobs} FORCE INDEX (queue_jobs_id)
    WHERE id IN (${list(ids)}) AND statusid + 0 = 2 FOR UPDATE ${options.locked === 'skip' ? 'SKIP LOCKED' : ''}`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return keys.flatMap(({ jobId, epoch }) => {
    const row = byId.get(jobId)
    if (row?.leaseepoch !== epoch) return []
    // An execution that is named twice is held once.
    byId.delete(jobId)
    return [{ seq: row.seq, key: { jobId, epoch }, cancelRequested: row.cancelrequested === 1 }]
  })
}
