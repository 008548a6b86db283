import { isCrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { InsertOutcome, Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { BrokenBatches } from './broken-batches.ts'
import { overloaded, stopping, tooLarge } from './commit-refusals.ts'
import { LockedMessages } from './locked-messages.ts'
import { wakeFor } from './wake-for.ts'
import { bytesOf, hasKey, unitsOf, WaitingRows, type WaitingMessage } from './waiting-rows.ts'

/** What {@link createGroupCommit} needs. */
export interface GroupCommitOptions {
  readonly store: Pick<Store, 'insertJobs'>
  readonly wakeUps: WakeUps
  readonly clock: Clock
  readonly log: Log
  /** Chance in [0, 1), for the waits between repeats. */
  readonly random: () => number
  /** Rows of one INSERT; default 1,000. The rows of one message are never parted. */
  readonly maxRows?: number
  /** Payload bytes of one INSERT; default 8 MiB. A larger message goes alone. */
  readonly maxBytes?: number
  /** The largest message that is sent at all, all its rows together; default 64 MiB. */
  readonly maxRowBytes?: number
  /** Bytes that may wait: more are refused, so that memory stays bounded; default 128 MiB. */
  readonly maxWaitingBytes?: number
  /** How long a row may wait for a database that is away before it is refused; default 5 s. */
  readonly giveUpMs?: number
}

/** Commits rows that arrive one by one in groups. */
export interface GroupCommit {
  /**
   * Resolves after the COMMIT that has the job. Rejects with the error of this row alone when the
   * database refused its data, or with `database_unavailable` when it may be offered again.
   */
  add(job: NewJob): Promise<InsertOutcome>
  /**
   * The same for the rows of one message, at least one: they are in one COMMIT, or none of them is. Says what
   * became of the first one; where a key of any is taken, that is a duplicate. Messages of one `batch` are inserted in
   * the order in which they were added; left out, it comes alone.
   */
  addTogether(jobs: readonly NewJob[], batch?: object): Promise<InsertOutcome>
  /** Rows that wait for a commit, or are in one. */
  waiting(): number
  /** Whether the last insert found the database. */
  healthy(): boolean
  /**
   * Calls `listener` after each insert that did not find the database, and after the first that did again.
   * Returns how to stop it.
   */
  onHealth(listener: (isHealthy: boolean) => void): () => void
  /** Refuses new rows and waits for those it has. May be called twice. */
  close(): Promise<void>
}

/** How often a group that met a deadlock is sent again. */
const REPEATS = 4

/** INSERTs under way: the rows of the next are made and sent while the database takes those of the one before. */
const MAX_INSERTS = 2

/** How a group is sent. */
interface Attempt {
  /** How often it was sent before. */
  readonly repeat?: number
  /** Beside the other groups, since somebody holds one of its keys. */
  readonly beside?: boolean
}

/**
 * While one INSERT is under way, the next group gathers: alone, a row waits for nothing; under load, groups grow, and one that
 * is full goes beside the one under way. A group with a row that the database refuses is halved until that row stands alone,
 * so one bad message never fails its neighbours. What is refused for a reason that passes takes those behind it in its batch
 * along: none overtakes it.
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { store, wakeUps, clock, log, random } = options
  const maxRows = options.maxRows ?? 1_000
  const maxBytes = options.maxBytes ?? 8 * 1024 * 1024
  const maxRowBytes = options.maxRowBytes ?? 64 * 1024 * 1024
  const maxWaitingBytes = options.maxWaitingBytes ?? 128 * 1024 * 1024
  const giveUpMs = options.giveUpMs ?? 5_000

  const queue = new WaitingRows({ maxRows, maxBytes })
  const groups = new Map<Promise<void>, readonly WaitingMessage[]>()
  let waitingBytes = 0
  let waitingRows = 0
  const broken = new BrokenBatches()
  let places = 0
  let isScheduled = false
  /** What waits would overtake what is under way. */
  let isBlocked = false
  let closed = false
  let healthy = true
  const locked = new LockedMessages({
    attempt: (message) => attempt([message], { beside: true }),
    left: unblock,
    clock,
  })
  const healthListeners = new Set<(isHealthy: boolean) => void>()

  function tellHealth(isHealthy: boolean): void {
    healthy = isHealthy
    for (const listener of healthListeners) listener(isHealthy)
  }

  function addTogether(jobs: readonly NewJob[], batch: object = {}): Promise<InsertOutcome> {
    const bytes = bytesOf(jobs)
    if (closed) return Promise.reject(stopping())
    if (bytes > maxRowBytes) return Promise.reject(tooLarge(bytes, maxRowBytes))
    places += 1
    const placed = { batch, place: places }
    const reason = broken.reason(placed)
    if (reason !== undefined) return Promise.reject(reason)
    if (waitingBytes + bytes > maxWaitingBytes) {
      const error = overloaded()
      broken.add(placed, error)
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      waitingBytes += bytes
      waitingRows += jobs.length
      let isSettled = false
      const settled = (): void => {
        if (isSettled) return
        isSettled = true
        waitingBytes -= bytes
        waitingRows -= jobs.length
      }
      queue.add({
        jobs,
        bytes,
        ...placed,
        since: clock.monotonicMs(),
        uncertain: false,
        get isSettled() {
          return isSettled
        },
        resolve: (outcome) => {
          settled()
          resolve(outcome)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      schedule()
    })
  }

  // What arrives in the same turn of the event loop goes together.
  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    queueMicrotask(() => {
      isScheduled = false
      send()
    })
  }

  function send(): void {
    while (!queue.isEmpty && groups.size < (queue.isFull && !isBlocked ? MAX_INSERTS : 1)) {
      const group = queue.takeGroup([...groups.values()].flat(), locked.batches())
      isBlocked = group.length === 0
      if (isBlocked) return
      const sent = attempt(group).then(() => {
        groups.delete(sent)
        unblock()
      })
      groups.set(sent, group)
    }
  }

  function unblock(): void {
    isBlocked = false
    send()
  }

  /** A fault of ours costs its own group only: what follows is still taken. */
  async function attempt(group: readonly WaitingMessage[], how: Attempt = {}): Promise<void> {
    try {
      await commit(group, how)
    } catch (error) {
      log.error({ err: error }, 'a group of messages could not be stored')
      for (const entry of group) entry.reject(error as Error)
    }
  }

  async function commit(given: readonly WaitingMessage[], how: Attempt = {}): Promise<void> {
    const group = given.filter((entry) => {
      const reason = broken.reason(entry)
      if (reason !== undefined) entry.reject(reason)
      return reason === undefined
    })
    if (group.length === 0) return
    let outcomes: readonly InsertOutcome[]
    try {
      const again = group.some((entry) => entry.uncertain)
      const jobs = group.flatMap((entry) => entry.jobs)
      outcomes = await store.insertJobs({ jobs, again, units: unitsOf(group) })
    } catch (error) {
      await overcome(group, error as Error, how)
      return
    }
    if (!healthy) {
      log.info({}, 'the database is back: messages are stored again')
      tellHealth(true)
    }
    wakeFor(group, outcomes, wakeUps)
    let index = 0
    for (const entry of group) {
      const outcome = outcomes[index]
      if (outcome !== undefined) entry.resolve(outcome)
      index += entry.jobs.length
    }
  }

  async function overcome(
    group: readonly WaitingMessage[],
    error: Error,
    { repeat = 0, beside = false }: Attempt,
  ): Promise<void> {
    // Whether the COMMIT went through is unknown, whatever the error: what asks afterwards which row
    // stands in the way may have failed instead. A row found under its own id was this one.
    for (const entry of group) entry.uncertain = true
    if (isCrossdockError(error, 'database_unavailable')) {
      if (healthy)
        log.warn({ err: error }, 'messages cannot be stored: the database is out of reach')
      tellHealth(false)
      const now = clock.monotonicMs()
      const patient = group.filter((entry) => {
        const waits = now - entry.since < giveUpMs && !closed && broken.reason(entry) === undefined
        if (!waits) refuse(entry, error)
        return waits
      })
      if (patient.length === 0) return
      await pause(Math.min(50 * 2 ** repeat, 1_000))
      await commit(patient, { repeat: repeat + 1, beside })
    } else if (isCrossdockError(error, 'database_locked') && !beside) {
      // Somebody's open transaction has one of these keys: the groups that follow do not wait for it.
      // Nor do those without a key; those with one go one by one, since each lock costs its own wait.
      const free = group.filter((entry) => {
        const waits = hasKey(entry) || locked.isBehind(entry)
        if (waits) locked.add(entry)
        return !waits
      })
      // None has a key: the table itself is locked, and nothing goes beside it.
      if (free.length === group.length && repeat >= REPEATS) for (const e of free) refuse(e, error)
      else if (free.length > 0) await commit(free, { repeat: repeat + 1 })
    } else if (isCrossdockError(error, 'database_locked') && group.length === 1) {
      const [entry] = group
      if (entry === undefined) return
      if (clock.monotonicMs() - entry.since < giveUpMs && !closed) locked.wait(entry)
      else {
        // Those behind it would overtake it: they are all to be offered again.
        const behind = [...locked.behind(entry), ...queue.takeBehind(entry)]
        for (const late of [entry, ...behind]) late.reject(error)
      }
    } else if (isCrossdockError(error, 'database_retryable') && repeat < REPEATS) {
      await pause(10 * 2 ** repeat * (1 + random()))
      await commit(group, { repeat: repeat + 1, beside })
    } else if (group.length > 1) {
      const middle = group.length >> 1
      await commit(group.slice(0, middle), { beside })
      await commit(group.slice(middle), { beside })
    } else {
      for (const entry of group) refuse(entry, error)
    }
  }

  function refuse(entry: WaitingMessage, error: Error): void {
    if (isCrossdockError(error) && error.retryable) broken.add(entry, error)
    entry.reject(error)
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => clock.after(delayMs, resolve))
  }

  return {
    add: (job) => addTogether([job]),
    addTogether,
    waiting: () => waitingRows,
    healthy: () => healthy,
    onHealth: (listener) => {
      healthListeners.add(listener)
      return () => healthListeners.delete(listener)
    },
    close: async () => {
      closed = true
      // What was added in this turn of the event loop is sent with the next.
      await Promise.resolve()
      // Each may keep something of the other waiting.
      while (groups.size > 0 || !locked.isEmpty) {
        await Promise.all(groups.keys())
        await locked.idle()
      }
    },
  }
}
