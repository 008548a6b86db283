import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { v7 } from 'uuid'
import { DEFAULT_RETRY_POLICY } from '../src/domain/retry.ts'
import { createGroupCommit } from '../src/ingest/group-commit.ts'
import { parseInput } from '../src/handler-kit/validate-input.ts'
import { NO_LOCKS } from '../src/ports/job-locks.ts'
import { NO_PUBLICATIONS } from '../src/ports/outbound.ts'
import { createRegistry } from '../src/handler-kit/registry.ts'
import { defineHandler } from '../src/handler-kit/define-handler.ts'
import { silentLog } from '../src/observe/log.ts'
import { createLeaseKeeper } from '../src/app/lease-keeper.ts'
import { openStore, type StoreAddress } from '../src/app/open-store.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { startWakeUps } from '../src/worker/wake-ups.ts'
import { createTurnGiver } from '../src/worker/turns.ts'
import { createWorkers } from '../src/worker/workers.ts'

/** Until the thread that renews leases has loaded its program, in milliseconds. */
const THREAD_MS = 2_000

/** Crossdock's store, ingest and workers on one database, with handlers that count. */
export async function openCrossdock(address: StoreAddress, workers: number) {
  const store = await openStore(address, Math.min(workers, 10), silentLog)
  let open = false
  let target = Infinity
  let done = 0
  let finished: (() => void) | undefined
  const starts: number[] = []
  const count = (): void => {
    done += 1
    if (done === target) finished?.()
  }
  const handlers = createRegistry([
    defineHandler({ name: 'bench', run: count }),
    defineHandler({
      name: 'bench.latency',
      run: () => {
        starts.push(performance.now())
        count()
      },
    }),
    defineHandler({
      name: 'bench.sql',
      run: async ({ tx, job }) => {
        await tx.sql`INSERT INTO bench_effects (jobid) VALUES (${job.id})`
        count()
      },
    }),
  ])
  const clock = systemClock
  const wakeUps = await startWakeUps({ channels: [store], clock, log: silentLog })
  const commit = createGroupCommit({ store, wakeUps, clock, log: silentLog, random: Math.random })
  const turns = createTurnGiver({ store, wakeUps, clock, log: silentLog })
  turns.start()
  const running = createWorkers({
    settings: {
      owner: 'bench',
      pools: [{ name: 'main', workers }],
      serves: (queue) => open || queue === 'warm-up',
      pollIntervalMs: 5_000,
      leaseMs: 30_000,
      maxRetries: 3,
      timeoutMs: 300_000,
      retry: DEFAULT_RETRY_POLICY,
      graceMs: 5_000,
      historyPayloads: 'changed',
    },
    store,
    handlers,
    publications: NO_PUBLICATIONS,
    parseInput,
    wakeUps,
    leases: createLeaseKeeper(
      { owner: 'bench', token: v7(), leaseMs: 30_000, silenceMs: 330_000 },
      address,
      silentLog,
    ),
    locks: NO_LOCKS,
    clock,
    makeId: v7,
    random: Math.random,
    log: silentLog,
  })

  return {
    /** Adds jobs by groups, as a batch caller would. */
    add: async (count: number, handler: string): Promise<void> => {
      for (let from = 0; from < count; from += 1_000) {
        const size = Math.min(1_000, count - from)
        await store.insertJobs({
          again: false,
          jobs: Array.from({ length: size }, () => ({ id: v7(), handler, payload: '{"n":1}' })),
        })
      }
    },
    /** Starts everything that runs all the time: connections and threads, as a bare loop has its own already. */
    warmUp: async (handler: string): Promise<void> => {
      const size = 100
      target = size
      const all = new Promise<void>((resolve) => (finished = resolve))
      running.start()
      await store.insertJobs({
        again: false,
        jobs: Array.from({ length: size }, () => ({ id: v7(), handler, queue: 'warm-up' })),
      })
      wakeUps.ready(['warm-up'])
      await all
      await delay(THREAD_MS)
    },
    /** Resolves once `total` jobs are done and committed, behind those of the warm-up. */
    drain: async (total: number): Promise<void> => {
      target = done + total
      const all = new Promise<void>((resolve) => (finished = resolve))
      open = true
      wakeUps.ready(['default'])
      await all
      await running.stop(10_000)
    },
    start: () => {
      open = true
      running.start()
    },
    /** Milliseconds from the call that adds a job to the start of its handler. */
    latency: async (samples: number): Promise<number[]> => {
      const result: number[] = []
      for (let index = 0; index < samples; index += 1) {
        target = done + 1
        const begun = new Promise<void>((resolve) => (finished = resolve))
        const from = performance.now()
        await commit.add({ id: v7(), handler: 'bench.latency', payload: '{}' })
        await begun
        result.push((starts.at(-1) ?? from) - from)
      }
      return result
    },
    close: async () => {
      await running.stop(1_000)
      await turns.stop()
      await wakeUps.stop()
      await store.close()
    },
  }
}
