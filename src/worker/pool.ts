import { errorMessage } from '../domain/errors.ts'
import type { Timer } from '../ports/clock.ts'
import { mustRunAlone, type Alone } from './alone.ts'
import type { Completions } from './completions.ts'
import { maxRetriesOf } from './ending.ts'
import { createGiveBack } from './give-back.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import { nextStart, noteClaim, type Line } from './line.ts'
import { createLines } from './lines.ts'
import { createPace } from './pace.ts'
import { createReceive, LOCKED_MS } from './receive.ts'
import type { PoolSettings, WorkerContext } from './settings.ts'
import { createWaitingJobs } from './waiting-jobs.ts'

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

/** Handlers run ahead of the commits of their ends by at most this many jobs. */
const MAX_UNCOMMITTED = 5_000

/** After a claim that failed, in milliseconds. */
const PAUSE_MS = 500

/** Claims for its workers, hands out, and sleeps when there is nothing. */
export function createPool(context: WorkerContext, settings: PoolSettings, parts: PoolParts): Pool {
  const { gate } = settings
  const { store, handlers, clock, log, random, settings: all } = context
  const { held, alone, completions, run } = parts
  const lines = createLines(parts.serves)
  const free = Array.from({ length: settings.workers }, (_, index) => index)
  const pace = createPace(clock)
  const giveBack = createGiveBack(context, parts)
  const waiting = createWaitingJobs(clock, giveBack)
  const receive = createReceive(context, held, giveBack)
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
  gate?.onChange(() => {
    if (room() === 0) giveBackWaiting()
    pump()
  })

  const running = (): number => settings.workers - free.length
  /** How many may begin, whatever there are workers for. */
  const room = (): number => gate?.room() ?? Infinity

  /** Gives jobs to free workers, and claims more when few are left. */
  function pump(): void {
    while (mayBegin()) {
      const next = waiting.next()
      if (next === undefined) break
      void begin(next)
    }
    if (wanted() > 0) claiming ??= claim()
  }

  function mayBegin(): boolean {
    if (waiting.size() === 0 || free.length === 0 || !alone.isOpen()) return false
    return room() > 0 && completions.size() < MAX_UNCOMMITTED
  }

  /** Gives a job to a free worker. Resolves when that is free again; never rejects. */
  async function begin(next: HeldJob): Promise<void> {
    // One that is held no more has lost its lease while it waited.
    if (!held.has(next)) return
    const worker = next.lockLost || room() === 0 ? undefined : free.pop()
    if (worker === undefined) giveBack([next], LOCKED_MS)
    else await work(next, worker)
  }

  /** How many jobs the next claim takes; 0 while enough are waiting. */
  function wanted(): number {
    if (stopped || !alone.isOpen() || completions.size() >= MAX_UNCOMMITTED) return 0
    const limit = Math.min(pace.claimLimit(free.length), room())
    return waiting.size() <= limit / 2 ? limit - waiting.size() : 0
  }

  async function work(next: HeldJob, worker: number): Promise<void> {
    const leave = gate?.enter()
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
    leave?.()
    free.push(worker)
    pace.finished()
    if (stopped && running() === 0) {
      for (const resolve of onIdle.splice(0)) resolve()
    }
    alone.freed()
    pump()
  }

  async function claim(): Promise<void> {
    // The first step of `claiming ??=` must be over before this ends.
    await Promise.resolve()
    try {
      for (let limit = wanted(); limit > 0; limit = wanted()) {
        const line = lines.next()
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
    for (const each of await receive({ queue: line.queue, jobs, sentAt })) {
      if (!stopped && runsAlone(each)) queueAlone(each)
      else waiting.add(each)
    }
    lines.tidy(line)
    if (stopped || room() === 0) giveBackWaiting()
    else if (jobs.length > 0) {
      waiting.watch()
      pump()
    }
  }

  function runsAlone({ job }: HeldJob): boolean {
    if (job.recoveries === 0) return false
    const handler = handlers.handlerOf(job)
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

  // A function, since the compiler would otherwise take `single` for unchanged across the request.
  function waitsAlone(): boolean {
    return single !== undefined
  }

  function giveBackWaiting(): void {
    waiting.giveBackAll()
    if (single === undefined) return
    giveBack([single])
    single = undefined
    alone.withdraw()
  }

  function wake(queues: readonly string[]): void {
    for (const queue of queues) {
      if (parts.serves(queue)) lines.wake(queue)
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
      if (lines.queues().length > 0) wake(lines.queues())
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
      waiting.unwatch()
      retry?.cancel()
      giveBackWaiting()
      // What it brings is given back as well.
      await claiming
      await completions.idle()
    },
    running,
    wantsToWork: () => room() > 0 && (waiting.size() > 0 || lines.anyHungry()),
    idle: () =>
      running() === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve)),
  }
}
