import { errorMessage } from '../domain/errors.ts'
import type { Timer } from '../ports/clock.ts'
import { turnOf } from '../domain/turn.ts'
import type { ClaimedJob } from '../ports/store.ts'
import { mustRunAlone, type Alone } from './alone.ts'
import type { Completions } from './completions.ts'
import { maxRetriesOf } from './ending.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import { newLine, nextStart, noteClaim, type Line } from './line.ts'
import type { PoolSettings, WorkerContext } from './settings.ts'

/** Some workers, and the queues they serve. */
export interface Pool {
  readonly settings: PoolSettings
  start(): void
  /** Queues that may have ready jobs now. */
  wake(queues: readonly string[]): void
  /** Looks at every queue: something may have been missed. */
  look(): void
  /** Claims nothing more, and gives back what has not begun. */
  stop(): Promise<void>
  running(): number
  /** Whether it has jobs, or there may be some for it. */
  wantsToWork(): boolean
  /** Resolves once no handler runs. */
  idle(): Promise<void>
}

/** What {@link createPool} shares with the others. */
export interface PoolParts {
  readonly held: HeldJobs
  readonly alone: Alone
  readonly completions: Completions
  readonly run: (held: HeldJob, worker: string) => Promise<void>
  /** Whether a queue is this pool's, and not paused now. */
  readonly serves: (queue: string) => boolean
}

/** Jobs of one claim, at most. */
const MAX_CLAIM = 500

/** A claim takes at most what the workers finished in this time. */
const FINISHED_WINDOW_MS = 500

/** What was claimed and has not begun within this time is given back. */
const WAITING_LIMIT_MS = 2_000

/** Handlers run ahead of the commits of their ends by at most this many jobs. */
const MAX_UNCOMMITTED = 5_000

/** Queues that a shared pool remembers. */
const MAX_LINES = 1_000

/** After a claim that failed, in milliseconds. */
const PAUSE_MS = 500

/** A job whose lock another process has comes again after so long, in milliseconds. */
const LOCKED_MS = 1_000

/** Claims for its workers, hands out, and sleeps when there is nothing. */
export function createPool(context: WorkerContext, settings: PoolSettings, parts: PoolParts): Pool {
  const { store, locks, handlers, clock, log, random, settings: all } = context
  const { held, alone, completions, run } = parts
  const lines = new Map<string, Line>()
  const free = Array.from({ length: settings.workers }, (_, index) => index)
  const finished: { at: number; count: number }[] = []
  let waiting: HeldJob[] = []
  /** Waits until nothing else runs. */
  let single: HeldJob | undefined
  let claiming: Promise<void> | undefined
  let stopped = true
  let failing = false
  let retry: Timer | undefined
  let looking = false
  let lookAgain = false
  const onIdle: (() => void)[] = []
  completions.onFlushed(pump)
  alone.onOpen(pump)

  const running = (): number => settings.workers - free.length

  /** Gives jobs to free workers, and claims more when few are left. */
  function pump(): void {
    while (alone.isOpen() && free.length > 0 && completions.size() < MAX_UNCOMMITTED) {
      const next = waiting.shift()
      if (next === undefined) break
      void begin(next)
    }
    if (wanted() > 0) claiming ??= claim()
  }

  /** Gives a job to a free worker. Resolves when that is free again; never rejects. */
  async function begin(next: HeldJob): Promise<void> {
    // One that is held no more has lost its lease while it waited.
    if (!held.has(next)) return
    const worker = next.lockLost ? undefined : free.pop()
    if (worker === undefined) giveBack([next], LOCKED_MS)
    else await work(next, worker)
  }

  /** How many jobs the next claim takes; 0 while enough are waiting. */
  function wanted(): number {
    if (stopped || !alone.isOpen() || completions.size() >= MAX_UNCOMMITTED) return 0
    const limit = claimLimit()
    return waiting.length <= limit / 2 ? limit - waiting.length : 0
  }

  async function work(next: HeldJob, worker: number): Promise<void> {
    try {
      await run(next, `${all.owner}/${settings.name}-${worker + 1}`)
    } catch (error) {
      // The runner handles what handlers do; this is a fault of ours, and must not cost the worker.
      log.error(
        { err: error, job: next.job.jobId },
        'a worker failed; the job is left to its lease',
      )
      held.remove(next)
    }
    free.push(worker)
    countFinished()
    if (stopped && running() === 0) {
      for (const resolve of onIdle.splice(0)) resolve()
    }
    alone.freed()
    pump()
  }

  function countFinished(): void {
    const now = clock.monotonicMs()
    const last = finished.at(-1)
    if (last !== undefined && now - last.at < 20) last.count += 1
    else finished.push({ at: now, count: 1 })
  }

  function claimLimit(): number {
    // Forgotten here and not when something finishes: after a burst, workers that are all busy would
    // otherwise claim as many again and again, and keep them from others.
    const since = clock.monotonicMs() - FINISHED_WINDOW_MS
    while (finished[0] !== undefined && finished[0].at < since) finished.shift()
    const recently = finished.reduce((sum, { count }) => sum + count, 0)
    return Math.min(MAX_CLAIM, Math.max(free.length, recently))
  }

  function nextLine(): Line | undefined {
    for (const [queue, line] of lines) {
      // A paused one stays hungry until it is resumed.
      if (!line.hungry || !parts.serves(queue)) continue
      // To the end of the round: every queue of a shared pool has its turn.
      lines.delete(queue)
      lines.set(queue, line)
      return line
    }
    return undefined
  }

  async function claim(): Promise<void> {
    // The first step of `claiming ??=` must be over before this ends.
    await Promise.resolve()
    try {
      for (let limit = wanted(); limit > 0; limit = wanted()) {
        const line = nextLine()
        if (line === undefined) break
        await claimFrom(line, limit)
      }
      if (failing) log.info({ pool: settings.name }, 'claims work again')
      failing = false
    } catch (error) {
      if (!failing)
        log.warn({ err: error, pool: settings.name }, `claims fail: ${errorMessage(error)}`)
      failing = true
      lookLater()
    } finally {
      claiming = undefined
    }
  }

  /** One at a time: an outage must not leave behind as many as there were wake-ups in it. */
  function lookLater(): void {
    retry ??= clock.after(PAUSE_MS * (1 + random()), () => {
      retry = undefined
      look()
    })
  }

  async function claimFrom(line: Line, limit: number): Promise<void> {
    const start = nextStart(line, clock.monotonicMs())
    // A wake-up that comes while the claim is under way makes it hungry again.
    const before = line.hungry
    line.hungry = false
    const sentAt = clock.monotonicMs()
    const jobs = await store
      .claim({
        queue: line.queue,
        limit,
        owner: all.owner,
        leaseMs: all.leaseMs,
        after: start.after,
      })
      .catch((error: unknown) => {
        line.hungry = true
        throw error
      })
    const woken = line.hungry
    line.hungry = before
    noteClaim(line, start, limit, jobs)
    line.hungry ||= woken
    await receive(line.queue, jobs, sentAt)
    // A shared pool meets many queues over time, and need not remember the empty ones.
    if (!line.hungry && lines.size > MAX_LINES) lines.delete(line.queue)
    if (stopped) giveBackWaiting()
    else if (jobs.length > 0) {
      watchWaiting()
      pump()
    }
  }

  /** Takes the locks of claimed jobs. What another process has the lock of goes back. */
  async function receive(
    queue: string,
    claimed: readonly ClaimedJob[],
    sentAt: number,
  ): Promise<void> {
    const jobs = await confirmed(claimed, sentAt)
    if (jobs.length === 0) return
    const mine = held.addAll(queue, jobs, clock.monotonicMs() - sentAt)
    const taken = await locks.take(jobs)
    const locked = new Set(taken.map(({ jobId }) => jobId))
    for (const each of mine) {
      // Lost while its lock was taken, which has been released before it was there.
      if (!held.has(each)) locks.release([each.job])
      else if (!locked.has(each.job.jobId)) giveBack([each], LOCKED_MS * (1 + random()))
      else if (!stopped && runsAlone(each)) queueAlone(each)
      else waiting.push(each)
    }
  }

  /** Where the answer of a claim was read so late that its leases may have ended: those that have not. */
  async function confirmed(
    jobs: readonly ClaimedJob[],
    sentAt: number,
  ): Promise<readonly ClaimedJob[]> {
    if (jobs.length === 0 || clock.monotonicMs() - sentAt < all.leaseMs / 2) return jobs
    const kept = await store.renew({ keys: jobs, leaseMs: all.leaseMs })
    const ids = new Set(kept.map(({ jobId }) => jobId))
    return jobs.filter(({ jobId }) => ids.has(jobId))
  }

  function runsAlone({ job }: HeldJob): boolean {
    if (job.recoveries === 0) return false
    const handler = handlers.get(job.handler)
    return handler !== undefined && mustRunAlone(job, maxRetriesOf({ job, handler, settings: all }))
  }

  function queueAlone(each: HeldJob): void {
    const former = single
    single = each
    const { jobId } = each.job
    const asked = alone.request(async () => {
      single = undefined
      log.warn({ job: jobId }, 'a job that was lost with its process before runs alone')
      await begin(each)
      log.info({ job: jobId }, 'other jobs begin again')
    })
    if (asked) {
      if (waitsAlone()) log.warn({ job: jobId }, 'no other job begins until one has run alone')
      return
    }
    single = former
    giveBack([each], alone.againInMs() * (1 + random() / 4))
  }

  let watch: Timer | undefined
  function watchWaiting(): void {
    watch ??= clock.after(WAITING_LIMIT_MS, () => {
      watch = undefined
      const limit = clock.monotonicMs() - WAITING_LIMIT_MS
      const stale = waiting.filter((each) => each.since <= limit)
      if (stale.length > 0) {
        waiting = waiting.filter((each) => each.since > limit)
        giveBack(stale)
      }
      if (waiting.length > 0) watchWaiting()
    })
  }

  // A function, since the compiler would otherwise take `single` for unchanged across the request.
  function waitsAlone(): boolean {
    return single !== undefined
  }

  function giveBackWaiting(): void {
    giveBack(waiting.splice(0))
    if (single === undefined) return
    giveBack([single])
    single = undefined
    alone.withdraw()
  }

  function giveBack(jobs: readonly HeldJob[], delayMs = 0): void {
    for (const each of jobs) {
      completions.add(
        {
          jobId: each.job.jobId,
          epoch: each.job.epoch,
          ending: { kind: 'returned', delayMs },
          durationMs: null,
          retryAttempt: each.job.retryCount,
          executedBy: all.owner,
        },
        () => {
          held.remove(each)
          context.wakeUps.turns(turnOf(each.job))
          if (delayMs === 0) context.wakeUps.ready([each.job.queue])
        },
      )
    }
  }

  function wake(queues: readonly string[]): void {
    for (const queue of queues) {
      if (!parts.serves(queue)) continue
      const line = lines.get(queue)
      if (line === undefined) lines.set(queue, newLine(queue))
      else line.hungry = true
    }
    pump()
  }

  function look(): void {
    if (stopped) return
    if (settings.queue !== undefined) {
      wake([settings.queue])
      return
    }
    // Every INSERT of another program asks for a look; they must not queue up before the claims.
    lookAgain = looking
    if (!looking) void lookAtAll()
  }

  async function lookAtAll(): Promise<void> {
    looking = true
    try {
      wake(await store.readyQueues())
    } catch {
      // A queue that is known already is tried again; its claim tells what is wrong.
      if (lines.size > 0) wake([...lines.keys()])
      else lookLater()
    }
    looking = false
    if (lookAgain) look()
  }

  return {
    settings,
    start: () => {
      stopped = false
      look()
    },
    wake,
    look,
    stop: async () => {
      stopped = true
      watch?.cancel()
      retry?.cancel()
      giveBackWaiting()
      // What it brings is given back as well.
      await claiming
      await completions.idle()
    },
    running,
    wantsToWork: () =>
      waiting.length > 0 ||
      [...lines.values()].some(({ hungry, queue }) => hungry && parts.serves(queue)),
    idle: () =>
      running() === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve)),
  }
}
