import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramDatabase, ProgramRow } from '../services/program-database.ts'

/** What the tables say of a run. Every list is of offenders, at most ten, and empty where all is well. */
export interface Ledger {
  readonly stored: number
  /** Jobs whose handler writes an effect in its transaction. */
  readonly writing: number
  readonly effects: number
  /** Executions that completed. */
  readonly completions: number
  /** Executions that a strike cut off after their begin was written, or whose transaction it ended. */
  readonly crashed: number
  readonly histories: number
  readonly offenders: Readonly<Record<string, readonly ProgramRow[]>>
}

/**
 * Queries that find nothing where every job ran once. A claim makes a job's epoch odd and the end of that
 * execution makes it even, so the epochs say how many executions there were, and which one was the last.
 */
const OFFENDERS: Readonly<Record<string, string>> = {
  'jobs that did not complete': `SELECT id, handler, statusid, leaseepoch, retrycount, lockedby, lasterror
    FROM queue_jobs WHERE statusid <> 3`,
  'keys with more than one job': `SELECT dedupekey, count(*) AS jobs FROM queue_jobs
    GROUP BY dedupekey HAVING count(*) <> 1 OR dedupekey IS NULL`,
  'jobs without exactly one completion': `SELECT j.id, j.leaseepoch, count(h.id) AS completions
    FROM queue_jobs j LEFT JOIN job_histories h ON h.jobid = j.id AND h.statusid = 3
    GROUP BY j.id, j.leaseepoch HAVING count(h.id) <> 1`,
  'completions that were not the last execution': `SELECT j.id, j.leaseepoch, h.leaseepoch AS completed
    FROM queue_jobs j JOIN job_histories h ON h.jobid = j.id AND h.statusid = 3
    WHERE h.leaseepoch <> j.leaseepoch - 1`,
  'jobs whose epoch tells of an execution without an end': `SELECT id, leaseepoch FROM queue_jobs
    WHERE leaseepoch % 2 <> 0`,
  'executions of no claim': `SELECT jobid, leaseepoch, statusid FROM job_histories WHERE leaseepoch % 2 <> 1`,
  'jobs with more histories than executions': `SELECT j.id, j.leaseepoch, count(h.id) AS histories
    FROM queue_jobs j JOIN job_histories h ON h.jobid = j.id
    GROUP BY j.id, j.leaseepoch HAVING 2 * count(h.id) > j.leaseepoch`,
  'jobs whose attempts are not in their history': `SELECT j.id, j.retrycount, count(h.id) AS failed
    FROM queue_jobs j LEFT JOIN job_histories h ON h.jobid = j.id AND h.statusid = 4
    GROUP BY j.id, j.retrycount HAVING count(h.id) <> j.retrycount`,
  'failures that name nobody, or had no next attempt': `SELECT jobid, leaseepoch, executedby, metadata
    FROM job_histories WHERE statusid = 4
    AND (executedby IS NULL OR metadata IS NULL OR lower(concat(metadata, '')) NOT LIKE '%"willretry"%true%')`,
  'keys without exactly one effect': `SELECT j.id, j.dedupekey, count(e.messagekey) AS effects
    FROM queue_jobs j LEFT JOIN effects e ON e.jobid = j.id AND j.payload LIKE concat('%"', e.messagekey, '"%')
    WHERE j.handler NOT IN ('plain', 'idle') GROUP BY j.id, j.dedupekey HAVING count(e.messagekey) <> 1`,
}

/**
 * Reads the tables once nothing is left to run.
 * @param explained what a failed attempt may say, as patterns of LIKE
 */
export async function readLedger(
  database: ProgramDatabase,
  explained: readonly string[],
): Promise<Ledger> {
  const offenders: Record<string, readonly ProgramRow[]> = {}
  for (const [name, text] of Object.entries(OFFENDERS)) {
    offenders[name] = await database.sql(`${text} LIMIT 10`)
  }
  offenders['failures that nothing explains'] = await database.sql(
    `SELECT jobid, leaseepoch, executedby, errormessage FROM job_histories WHERE statusid = 4
     ${explained.map((pattern) => `AND errormessage NOT LIKE '${pattern}'`).join(' ')} LIMIT 10`,
  )
  const [counts] = await database.sql(`SELECT
      (SELECT count(*) FROM queue_jobs) AS stored,
      (SELECT count(*) FROM queue_jobs WHERE handler NOT IN ('plain', 'idle')) AS writing,
      (SELECT count(*) FROM effects) AS effects,
      (SELECT count(*) FROM job_histories WHERE statusid = 3) AS completions,
      (SELECT count(*) FROM job_histories WHERE statusid = 4) AS crashed,
      (SELECT count(*) FROM job_histories) AS histories`)
  const number = (name: string): number => Number(counts?.[name])
  return {
    stored: number('stored'),
    writing: number('writing'),
    effects: number('effects'),
    completions: number('completions'),
    crashed: number('crashed'),
    histories: number('histories'),
    offenders,
  }
}

/** Resolves once every job has ended; rejects with those that have not, after a limit. */
export async function untilAllEnded(database: ProgramDatabase, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const [left] = await database.sql(
      'SELECT count(*) AS jobs FROM queue_jobs WHERE statusid NOT IN (3, 4, 6)',
    )
    if (Number(left?.['jobs']) === 0) return
    if (performance.now() > deadline) {
      const stuck = await database.sql(`SELECT handler, statusid, lockedby, count(*) AS jobs,
          min(leaseepoch) AS leastepoch, max(leaseepoch) AS greatestepoch, min(retrycount) AS retries,
          min(lasterror) AS error, min(leaseexpiresat) AS lease, min(startedat) AS began,
          min(scheduledat) AS due, current_timestamp AS now
        FROM queue_jobs WHERE statusid NOT IN (3, 4, 6) GROUP BY handler, statusid, lockedby`)
      throw new Error(`jobs are left: ${JSON.stringify(stuck, undefined, 2)}`)
    }
    await delay(200)
  }
}
