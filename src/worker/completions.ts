import { errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import { turnOf } from '../domain/turn.ts'
import type { ClaimedJob, ExecutionKey, Settlement } from '../ports/store.ts'
import { createGroup } from './group.ts'
import type { WorkerContext } from './settings.ts'

/** Ends executions in groups. */
export interface Completions {
  /**
   * `done` is called once it is known whether the end was committed. `job`: whose end it is, where that may be a
   * failure for good.
   */
  add(settlement: Settlement, done: (committed: boolean) => void, job?: ClaimedJob): void
  /** Ends not yet committed. */
  size(): number
  /** Called after each group: whoever waits for room goes on. */
  onFlushed(listener: () => void): void
  /** Resolves once every end added so far is committed, or known to be lost. */
  idle(): Promise<void>
}

interface Entry {
  readonly settlement: Settlement
  readonly done: (committed: boolean) => void
  readonly job: ClaimedJob | undefined
  /** Whether it was in a statement whose answer never came. */
  uncertain: boolean
}

/** Executions of one statement. */
const MAX_GROUP = 500

/** How often `idle` looks whether a lock has gone, in milliseconds. */
const IDLE_LOOK_MS = 50

/** The longest wait between two tries while the database is away, in milliseconds. */
const MAX_PAUSE_MS = 1_000

/**
 * Commits the ends of executions that need no transaction of their own, one statement for many. While
 * the database is away it tries for ever: the rows are still this instance's, and only it knows how the
 * handlers ended.
 */
export function createCompletions(context: WorkerContext): Completions {
  const { store, clock, log, wakeUps, copiesOf } = context

  async function flush(entries: readonly Entry[]): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await settle(entries)
        return
      } catch (error) {
        if (!isCrossdockError(error, 'database_unavailable', 'database_retryable')) {
          await divide(entries, error)
          return
        }
        if (attempt === 0 && isCrossdockError(error, 'database_unavailable')) {
          log.warn({ err: error, jobs: entries.length }, 'ended jobs wait for the database')
        }
        for (const entry of entries) entry.uncertain = true
        await new Promise<void>((resolve) =>
          clock.after(Math.min(20 * 2 ** attempt, MAX_PAUSE_MS), resolve),
        )
      }
    }
  }

  async function settle(entries: readonly Entry[]): Promise<void> {
    const kept = await store.settle(entries.map((entry) => entry.settlement))
    // An end whose answer was lost has its history row already.
    const uncertain = entries.filter((entry) => entry.uncertain)
    const before =
      uncertain.length === 0 ? [] : await store.settled(uncertain.map((entry) => entry.settlement))
    finish(entries, [...kept, ...before])
  }

  /**
   * The group has a row that somebody has locked, or data that the database refuses: its entries go one
   * by one, beside the groups that follow. A locked one comes again in a second, for as long as it takes.
   */
  async function divide(entries: readonly Entry[], error: unknown): Promise<void> {
    const [first] = entries
    if (entries.length > 1) {
      for (const entry of entries) setAside(entry)
    } else if (first !== undefined && isCrossdockError(error, 'database_locked')) {
      log.debug({ job: first.settlement.jobId }, 'the row of an ended job is locked by somebody')
      aside.add(first)
      clock.after(MAX_PAUSE_MS, () => {
        setAside(first)
      })
    } else if (first !== undefined) {
      await bury(first, error)
    }
  }

  function setAside(entry: Entry): void {
    aside.add(entry)
    singles.add(entry)
  }

  /** What cannot be stored as it is ends in a form that can: with the copies of a dead letter, or else without. */
  async function bury(entry: Entry, error: unknown): Promise<void> {
    log.error(
      { err: error, job: entry.settlement.jobId },
      'the end of a job could not be stored as it was',
    )
    const plain: Settlement = {
      ...entry.settlement,
      inputData: undefined,
      jobs: undefined,
      ending: {
        kind: 'failed',
        error: `the end of this execution could not be stored: ${storable(errorMessage(error))}`,
        deadReason: 'not_storable',
      },
    }
    for (const settlement of new Set([withCopies(plain, entry.job), plain])) {
      try {
        finish([{ ...entry, settlement }], await store.settle([settlement]))
        return
      } catch (failed) {
        log.error({ err: failed, job: plain.jobId }, 'nor could the plain end of a job be stored')
      }
    }
    log.error({ job: plain.jobId }, 'a job is left to its lease: its end cannot be stored')
    finish([entry], [])
  }

  /** What is to be stored in the commit of a failure for good: made once, and kept over every try. */
  function withCopies(settlement: Settlement, job: ClaimedJob | undefined): Settlement {
    const { ending } = settlement
    if (ending.kind !== 'failed' || job === undefined || copiesOf === undefined) return settlement
    const jobs = copiesOf({ ...job, id: job.jobId }, ending)
    return jobs.length === 0 ? settlement : { ...settlement, jobs }
  }

  function finish(entries: readonly Entry[], kept: readonly ExecutionKey[]): void {
    const committed = new Set(kept.map((key) => `${key.jobId}:${key.epoch}`))
    const beside: NewJob[] = []
    let waits = false
    for (const { settlement, done } of entries) {
      const mine = committed.has(`${settlement.jobId}:${settlement.epoch}`)
      const { ending } = settlement
      if (mine && 'delayMs' in ending) waits = true
      if (!mine && settlement.durationMs !== null) {
        log.warn(
          { job: settlement.jobId, epoch: settlement.epoch },
          'an execution ended after it lost its lease',
        )
      }
      done(mine)
      if (mine) beside.push(...(settlement.jobs ?? []))
    }
    if (waits) wakeUps.waiting()
    const ready = beside.filter((job) => job.orderingKey === undefined)
    if (ready.length > 0) wakeUps.ready([...new Set(ready.map((job) => job.queue ?? 'default'))])
    if (ready.length < beside.length) wakeUps.turns(beside.flatMap(turnOf))
  }

  const listeners: (() => void)[] = []
  /** Those that go one by one, or wait for a lock to go. */
  const aside = new Set<Entry>()
  const group = createGroup<Entry>({
    clock,
    max: MAX_GROUP,
    bytesOf: ({ settlement: { ending, inputData } }) =>
      (inputData?.length ?? 0) + (ending.kind === 'completed' ? (ending.result?.length ?? 0) : 0),
    waitMs: 0,
    flush: async (entries) => {
      await flush(entries)
      for (const listener of listeners) listener()
    },
    onFault: (error) => {
      log.error({ err: error }, 'ended jobs could not be stored; they are left to their leases')
    },
  })
  const singles = createGroup<Entry>({
    clock,
    max: 1,
    waitMs: 0,
    flush: async ([entry]) => {
      if (entry === undefined) return
      aside.delete(entry)
      await flush([entry])
      for (const listener of listeners) listener()
    },
    onFault: (error) => {
      log.error({ err: error }, 'an ended job could not be stored; it is left to its lease')
    },
  })

  async function idle(): Promise<void> {
    while (group.size() > 0 || singles.size() > 0 || aside.size > 0) {
      await Promise.all([group.idle(), singles.idle()])
      if (aside.size > 0) await new Promise<void>((resolve) => clock.after(IDLE_LOOK_MS, resolve))
    }
  }

  return {
    onFlushed: (listener) => {
      listeners.push(listener)
    },
    add: (settlement, done, job) => {
      group.add({ settlement: withCopies(settlement, job), done, job, uncertain: false })
    },
    size: () => group.size() + aside.size,
    idle,
  }
}

/** A text that every text column takes. */
export function storable(text: string, maxLength = 10_000): string {
  const plain = text.replaceAll('\0', '�').toWellFormed()
  return plain.length <= maxLength ? plain : `${plain.slice(0, maxLength)}…`
}
