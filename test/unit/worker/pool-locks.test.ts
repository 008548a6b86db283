import { describe, expect, it } from 'vitest'
import { NO_LOCKS, type JobLocks } from '../../../src/ports/job-locks.ts'
import type { HeldJob } from '../../../src/worker/held.ts'
import { settled } from './manual-clock.ts'
import { claimed, setUp } from './pool-set-up.ts'

/** Locks of which somebody else has some, with what was released. */
function fakeLocks(elsewhere: readonly string[]): JobLocks & {
  readonly released: string[]
  lose(jobId: string, epoch: number): void
} {
  const released: string[] = []
  let lost: Parameters<JobLocks['onLost']>[0] = () => undefined
  return {
    ...NO_LOCKS,
    released,
    take: (keys) => Promise.resolve(keys.filter(({ jobId }) => !elsewhere.includes(jobId))),
    release: (keys) => {
      released.push(...keys.map(({ jobId }) => jobId))
    },
    onLost: (listener) => {
      lost = listener
    },
    lose: (jobId, epoch) => {
      lost([{ jobId, epoch }])
    },
  }
}

describe('the locks of claimed jobs', () => {
  function withLocks(locks: JobLocks, run?: (held: HeldJob) => Promise<void>) {
    const returned: string[] = []
    const jobs = [claimed('a'), claimed('b'), claimed('c')]
    const set = setUp(
      {
        claim: () => Promise.resolve(jobs.splice(0)),
        settle: (settlements) => {
          returned.push(
            ...settlements.map(({ jobId, ending, durationMs }) =>
              'delayMs' in ending
                ? `${jobId} ${ending.kind} ${ending.delayMs} ${String(durationMs)}`
                : jobId,
            ),
          )
          return Promise.resolve([...settlements])
        },
      },
      { queue: 'default', workers: 1, locks, ...(run !== undefined && { run }) },
    )
    set.held.start()
    return { ...set, returned }
  }

  it('are asked for before a job begins: what another process has the lock of goes back for a moment', async () => {
    const ran: string[] = []
    const locks = fakeLocks(['b'])
    const { pool, returned, held } = withLocks(locks, async (each) => {
      ran.push(each.job.jobId)
      held.remove(each)
    })
    pool.start()
    await settled()
    await settled()
    expect(ran).toEqual(['a', 'c'])
    expect(returned).toEqual(['b returned 1000 null'])
    expect(locks.released.sort()).toEqual(['a', 'b', 'c'])
  })

  it('that are lost tell the handler that runs, and keep what has not begun from beginning', async () => {
    const reasons: unknown[] = []
    const locks = fakeLocks([])
    let finish: () => void = () => undefined
    const { pool, returned } = withLocks(locks, async (each) => {
      const abort = new AbortController()
      each.abort = abort
      abort.signal.addEventListener('abort', () => reasons.push(abort.signal.reason))
      await new Promise<void>((resolve) => (finish = resolve))
    })
    pool.start()
    await settled()
    locks.lose('a', 1)
    locks.lose('b', 1)
    locks.lose('c', 99)
    expect(reasons).toMatchObject([{ code: 'lock_lost' }])
    finish()
    await settled()
    await settled()
    expect(returned).toEqual(['b returned 1000 null'])
  })
})
