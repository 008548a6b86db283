import { createAlone } from './alone.ts'
import { createCompletions } from './completions.ts'
import { createHeldJobs, type HeldJobs } from './held.ts'
import { createPool, type Pool } from './pool.ts'
import { createProgressWriter } from './progress-writer.ts'
import { createPromoter } from './promoter.ts'
import { createRecovery } from './recovery.ts'
import { crashedError, createRunner, stoppingError } from './run-job.ts'
import type { ComponentHealth } from '../ports/health.ts'
import type { WorkerContext } from './settings.ts'

/** The workers of an instance. */
export interface Workers {
  start(): void
  /**
   * Claims nothing more, gives back what has not begun, lets running handlers finish for `graceMs`, then
   * tells them to stop and gives their jobs back, uncounted. With `faulty`, one of them has brought the
   * instance down: those still running then have failed an attempt. May be called twice.
   */
  stop(graceMs: number, faulty?: boolean): Promise<void>
  /** Told when another live process has registered this instance's id: two must not hold one. */
  onReplaced(listener: () => void): void
  statistics(): WorkerStatistics
  /** Degraded while leases cannot be renewed. */
  health(): ComponentHealth
}

/** How busy the workers are. */
export interface WorkerStatistics {
  readonly running: number
  readonly held: number
  readonly uncommitted: number
  readonly pools: readonly {
    readonly name: string
    readonly workers: number
    readonly running: number
  }[]
}

/** Puts pools, leases, promotion and recovery together. */
export function createWorkers(context: WorkerContext): Workers {
  const { settings, clock, random, log } = context
  const held: HeldJobs = createHeldJobs(context, {
    onTrouble: () => {
      recovery.interrupted()
    },
    onReplaced: () => {
      for (const listener of replaced) listener()
    },
  })
  const replaced: (() => void)[] = []
  const alone = createAlone(clock, {
    running: () => pools.reduce((sum, pool) => sum + pool.running(), 0),
    wantToWork: () => pools.some((pool) => pool.wantsToWork()),
  })
  const completions = createCompletions(context)
  const progress = createProgressWriter(context)
  const { run } = createRunner(context, { held, completions, progress })
  const promoter = createPromoter(context)
  const recovery = createRecovery(context, (key) => held.hasKey(key))
  const named = new Set(settings.pools.flatMap((pool) => pool.queue ?? []))
  const pools: readonly Pool[] = settings.pools.map((pool) =>
    createPool(context, pool, {
      held,
      alone,
      completions,
      run,
      serves: (queue) =>
        settings.serves(queue) &&
        (pool.queue === undefined ? !named.has(queue) : pool.queue === queue),
    }),
  )
  let poll: { cancel(): void } | undefined
  let unsubscribe: (() => void) | undefined
  let stopping: Promise<void> | undefined

  function wake(queues: readonly string[] | null): void {
    for (const pool of pools) {
      if (queues === null) pool.look()
      else pool.wake(queues)
    }
  }

  function pollSoon(): void {
    // Instances that started together drift apart.
    poll = clock.after(settings.pollIntervalMs * (0.9 + 0.2 * random()), () => {
      wake(null)
      pollSoon()
    })
  }

  async function stop(graceMs: number, faulty: boolean): Promise<void> {
    poll?.cancel()
    unsubscribe?.()
    promoter.stop()
    recovery.stop()
    const running = pools.reduce((sum, pool) => sum + pool.running(), 0)
    if (running > 0) log.info({ running, grace_ms: graceMs }, 'waiting for running handlers')
    const stopped = Promise.all(pools.map((pool) => pool.stop()))
    const idle = Promise.all(pools.map((pool) => pool.idle()))
    if (!(await within(idle, graceMs))) {
      log.warn({}, 'handlers still run after the grace period; they are told to stop')
      for (const each of held.all()) each.abort?.abort(faulty ? crashedError() : stoppingError())
      await within(idle, LAST_GRACE_MS)
    }
    await within(Promise.all([stopped, completions.idle()]), LAST_GRACE_MS)
    await held.stop()
  }

  function within(work: Promise<unknown>, limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = clock.after(limitMs, () => {
        resolve(false)
      })
      void work.then(() => {
        timer.cancel()
        resolve(true)
      })
    })
  }

  return {
    start: () => {
      if (stopping !== undefined) return
      held.start()
      promoter.start()
      recovery.start()
      for (const pool of pools) pool.start()
      unsubscribe = context.wakeUps.onReady(wake)
      pollSoon()
    },
    health: () => context.leases.health(),
    onReplaced: (listener) => {
      replaced.push(listener)
    },
    stop: (graceMs, faulty = false) => (stopping ??= stop(graceMs, faulty)),
    statistics: () => ({
      running: pools.reduce((sum, pool) => sum + pool.running(), 0),
      held: held.size(),
      uncommitted: completions.size(),
      pools: pools.map((pool) => ({
        name: pool.settings.name,
        workers: pool.settings.workers,
        running: pool.running(),
      })),
    }),
  }
}

/** How long handlers that were told to stop, and the last commits, may take. */
const LAST_GRACE_MS = 3_000
