import type { ProgressUpdate } from '../../ports/store.ts'
import type { Database, Statement } from './connect.ts'

/**
 * Writes progress, outside any handler's transaction, and never waits: a row that is locked is about to
 * end. Walks the primary key.
 */
export function makeUpdateProgress(database: Database) {
  const { queueJobs } = database.names
  const statement: Statement = {
    name: 'crossdock_progress',
    text: `WITH held AS MATERIALIZED (
        SELECT j.id, d.current, d.total, d.message
        FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[])
          AS d(id, epoch, current, total, message)
        JOIN ${queueJobs} j ON j.id = d.id AND j.leaseepoch = d.epoch AND j.statusid + 0 = 2
        FOR NO KEY UPDATE OF j SKIP LOCKED
      )
      UPDATE ${queueJobs} j SET progress = held.current, progresstotal = held.total,
        progressmessage = held.message, modifiedon = clock_timestamp()
      FROM held WHERE j.id = held.id`,
  }
  return async function updateProgress(updates: readonly ProgressUpdate[]): Promise<void> {
    await database.run(statement, [
      updates.map((update) => update.jobId),
      updates.map((update) => update.epoch),
      updates.map((update) => update.progress.current),
      updates.map((update) => update.progress.total),
      updates.map((update) => update.progress.message),
    ])
  }
}
