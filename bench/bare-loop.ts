/**
 * The least that can write this project's rows: claim by 500 with lease and epoch, complete by 500
 * guarded by the epoch and with the history row, on one process. What Crossdock is measured against.
 */
export interface BareLoop {
  readonly name: string
  /** Adds `count` jobs by groups of 1,000. */
  add(count: number): Promise<void>
  /** Claims and completes until nothing is left. */
  drain(): Promise<number>
  /** The same with a transaction for each job: an insert, the completion, the history. */
  drainInTransactions(): Promise<number>
  close(): Promise<void>
}

/** Tables of the loop's own with two indexes, or the migrated ones with everything they have. */
export type BareTables = 'lean' | 'migrated'

/** How a loop on these tables is called. */
export function bareLoopName(tables: BareTables): string {
  return tables === 'lean' ? 'bare loop, two indexes' : 'bare loop, migrated tables'
}

/** A job as the loop has claimed it. */
export interface BareJob {
  readonly id: string
  readonly leaseepoch: number
}

/** How many transactions run at once. */
const TRANSACTIONS_AT_ONCE = 8

/**
 * Claims by 500 and ends each job by itself, eight at once.
 * @param claim takes up to 500 jobs
 * @param end is given a job to end in a transaction of its own, and the number of the worker that has it
 */
export async function drainOneByOne<Job extends BareJob>(
  claim: () => Promise<readonly Job[]>,
  end: (job: Job, worker: number) => Promise<void>,
): Promise<number> {
  let done = 0
  const waiting: Job[] = []
  let claiming: Promise<boolean> | undefined
  const refill = async (): Promise<boolean> => {
    const jobs = await claim()
    waiting.push(...jobs)
    return jobs.length > 0
  }
  const work = async (_: unknown, worker: number): Promise<void> => {
    for (;;) {
      const job = waiting.shift()
      if (job === undefined) {
        claiming ??= refill().finally(() => (claiming = undefined))
        if (!(await claiming) && waiting.length === 0) return
        continue
      }
      await end(job, worker)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: TRANSACTIONS_AT_ONCE }, work))
  return done
}
