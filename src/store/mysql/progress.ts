import type { ProgressUpdate } from '../../ports/store.ts'
import type { Database } from './connect.ts'
import { lockHeld } from './held.ts'
import { jsonParts, runInPackets } from './text.ts'

/**
 * Writes progress, outside any handler's transaction, and never waits: a row that is locked is about to
 * end. Walks queue_jobs_id, then the primary key.
 */
export function makeUpdateProgress(database: Database) {
  return async function updateProgress(updates: readonly ProgressUpdate[]): Promise<void> {
    if (updates.length === 0) return
    // The last word counts where one execution says two.
    const byId = new Map(updates.map((update) => [`${update.epoch}:${update.jobId}`, update]))
    await database.transaction(async (run) => {
      const held = await lockHeld(run, database, updates, { locked: 'skip' })
      if (held.length === 0) return
      const objects = held.map(({ seq, key }) => {
        const progress = byId.get(`${key.epoch}:${key.jobId}`)?.progress
        return { q: seq, c: progress?.current, t: progress?.total, m: progress?.message ?? null }
      })
      await runInPackets(run, await database.maxStatementBytes(), {
        head: `UPDATE JSON_TABLE('[`,
        parts: jsonParts(objects),
        tail: `]', '$[*]' COLUMNS (seq bigint PATH '$.q', current int PATH '$.c', total int PATH '$.t',
            message varchar(500) CHARACTER SET utf8mb4 PATH '$.m')) d
          STRAIGHT_JOIN ${database.names.queueJobs} j FORCE INDEX (PRIMARY) ON j.seq = d.seq
          SET j.progress = d.current, j.progresstotal = d.total, j.progressmessage = d.message,
            j.modifiedon = UTC_TIMESTAMP(6)`,
      })
    })
  }
}
