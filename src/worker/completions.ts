import { errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { ExecutionKey, Settlement } from '../ports/store.ts'
import { createGroup } from './group.ts'
import type { WorkerContext } from './settings.ts'

/** Ends executions in groups. */
export interface Completions {
  /** `done` is called once it is known whether the end was committed. */
  add(settlement: Settlement, done: (committed: boolean) => void): void
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
}

/** Executions of one statement. */
const MAX_GROUP = 500

/** The longest wait between two tries while the database is away, in milliseconds. */
const MAX_PAUSE_MS = 1_000

/**
 * Commits the ends of executions that need no transaction of their own, one statement for many. While
 * the database is away it tries for ever: the rows are still this instance's, and only it knows how the
 * handlers ended.
 */
export function createCompletions(context: WorkerContext): Completions {
  const { store, clock, log, wakeUps } = context

  async function flush(entries: readonly Entry[]): Promise<void> {
    let uncertain = false
    for (let attempt = 0; ; attempt += 1) {
      try {
        const kept = await store.settle(entries.map((entry) => entry.settlement))
        // An end whose answer was lost has its history row already.
        const before = uncertain
          ? await store.settled(entries.map((entry) => entry.settlement))
          : []
        finish(entries, [...kept, ...before])
        return
      } catch (error) {
        if (!isCrossdockError(error, 'database_unavailable', 'database_retryable')) {
          await divide(entries, error)
          return
        }
        if (attempt === 0 && isCrossdockError(error, 'database_unavailable')) {
          log.warn({ err: error, jobs: entries.length }, 'ended jobs wait for the database')
        }
        uncertain = true
        await new Promise<void>((resolve) =>
          clock.after(Math.min(20 * 2 ** attempt, MAX_PAUSE_MS), resolve),
        )
      }
    }
  }

  /** The database refused the data of one of them: each goes alone, and that one fails for good. */
  async function divide(entries: readonly Entry[], error: unknown): Promise<void> {
    if (entries.length > 1) {
      for (const entry of entries) await flush([entry])
      return
    }
    const [entry] = entries
    if (entry === undefined) return
    log.error(
      { err: error, job: entry.settlement.jobId },
      'the end of a job could not be stored as it was',
    )
    const plain: Settlement = {
      ...entry.settlement,
      inputData: undefined,
      ending: {
        kind: 'failed',
        error: `the end of this execution could not be stored: ${storable(errorMessage(error))}`,
        deadReason: 'not_storable',
      },
    }
    const kept = await store.settle([plain]).catch((again: unknown) => {
      log.error(
        { err: again, job: plain.jobId },
        'a job is left to its lease: its end cannot be stored',
      )
      return []
    })
    finish([entry], kept)
  }

  function finish(entries: readonly Entry[], kept: readonly ExecutionKey[]): void {
    const committed = new Set(kept.map((key) => `${key.jobId}:${key.epoch}`))
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
    }
    if (waits) wakeUps.waiting()
  }

  const listeners: (() => void)[] = []
  const group = createGroup<Entry>({
    clock,
    max: MAX_GROUP,
    waitMs: 0,
    flush: async (entries) => {
      await flush(entries)
      for (const listener of listeners) listener()
    },
  })
  return {
    onFlushed: (listener) => {
      listeners.push(listener)
    },
    add: (settlement, done) => {
      group.add({ settlement, done })
    },
    size: () => group.size(),
    idle: () => group.idle(),
  }
}

/** A text that every text column takes. */
export function storable(text: string, maxLength = 10_000): string {
  const plain = text.replaceAll('\0', '�').toWellFormed()
  return plain.length <= maxLength ? plain : `${plain.slice(0, maxLength)}…`
}
