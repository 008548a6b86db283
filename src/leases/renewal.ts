import { errorMessage } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { ExecutionKey, Store } from '../ports/store.ts'
import type { LeaseTable } from './lease-table.ts'
import type { FromKeeper, HeldMessage, KeeperSettings } from './messages.ts'
import { createSilence } from './silence.ts'

/** What the thread that renews leases is made of. */
export interface RenewalParts {
  readonly settings: KeeperSettings
  readonly table: LeaseTable
  readonly store: Pick<
    Store,
    'begin' | 'renew' | 'stillHeld' | 'settle' | 'announce' | 'registerInstance'
  >
  readonly clock: Clock
  /** The time that deadlines are given in. */
  readonly now: () => number
  readonly tell: (message: FromKeeper) => void
  /** Ends the process: its main thread hangs, and has for so long. */
  readonly endProcess: (silentMs: number) => void
  /** Says that the main thread, which writes the log, does not answer; once for each silence. */
  readonly warn: (silentMs: number) => void
}

/** Renews leases, and watches the main thread. */
export interface Renewal {
  hold(message: HeldMessage): void
  start(): void
  /** Resolves once nothing is under way. */
  stop(): Promise<void>
}

interface Entry {
  readonly key: ExecutionKey
  readonly queue: string
  readonly slot: number
  readonly word: number
  readonly since: number
  /** When its begin is written, if it still runs by then; `undefined`: it was not seen running yet. */
  beginAt: number | undefined
  /** How many renewals in a row did not find it. */
  missed: number
}

/** Leases of one statement. */
const MAX_RENEWED = 1_000

/**
 * A process is not ended for a shorter silence, however short its leases: on a machine that is overloaded a
 * thread may wait for seconds until it runs. In milliseconds.
 */
const HUNG_MS = 5_000

/**
 * How often is looked at what runs, in milliseconds. A begin is written at the second look: most handlers have
 * ended by then. Under a full load of short ones the first look alone met hundreds, and to write them took a
 * tenth of the throughput on MariaDB.
 */
const TICK_MS = 50

/** A begin that could not be written, since somebody has its row locked, is tried again so much later. */
const BEGIN_AGAIN_MS = 1_000

/**
 * Renews the leases of everything held for longer than a quarter of a lease, three times a lease, and the
 * registration of the instance. While the main thread answers it sees to its handlers itself. Once it has
 * been silent for a whole lease:
 * - what has not begun goes back to others;
 * - a handler that is past its time-out and grace loses its lease, the others keep theirs;
 * - when none is within its limits any more, the process is ended.
 */
export function createRenewal(parts: RenewalParts): Renewal {
  const { settings, table, store, clock, now, tell } = parts
  const { leaseMs } = settings
  // A gap that is longer was not this thread's own.
  const silence = createSilence(table, Math.max(2 * TICK_MS, leaseMs / 20))
  /** By slot: whoever comes into it has taken the former one's place. */
  const entries = new Map<number, Entry>()
  let silentMs = 0
  let renewAt = 0
  let renewing = false
  let stopped = true
  let timer: Timer | undefined
  let working: Promise<void> = Promise.resolve()
  let busy = false

  function tick(): void {
    timer = clock.after(TICK_MS, tick)
    const before = silentMs
    silentMs = silence.tick(now())
    if (before < leaseMs && silentMs >= leaseMs) parts.warn(silentMs)
    if (silentMs >= Math.max(leaseMs, HUNG_MS) && isHung()) {
      timer.cancel()
      parts.endProcess(silentMs)
      return
    }
    if (busy) return
    busy = true
    working = work().finally(() => {
      busy = false
    })
  }

  async function work(): Promise<void> {
    if (silentMs >= leaseMs) await giveBackUnbegun()
    await writeBegins()
    if (now() >= renewAt) await renew()
  }

  /** Whether no handler is within its limits; while none runs at all, the silence has a limit of its own. */
  function isHung(): boolean {
    let overdue = false
    for (const { slot, word } of entries.values()) {
      if (table.stateOf(slot, word) !== 'begun') continue
      if (table.deadlineOf(slot) > now()) return false
      overdue = true
    }
    return overdue || silentMs >= settings.silenceMs
  }

  /**
   * Only an execution whose begin was written counts as an attempt when its process dies. Written here, the
   * begin of a handler that blocks the main thread from its first moment is written as well.
   */
  async function writeBegins(): Promise<void> {
    const begun: Entry[] = []
    for (const entry of entries.values()) {
      if (table.stateOf(entry.slot, entry.word) !== 'begun') continue
      const seenBefore = entry.beginAt !== undefined
      entry.beginAt ??= now() + TICK_MS
      if (!seenBefore || entry.beginAt > now()) continue
      entry.beginAt = now() + BEGIN_AGAIN_MS
      begun.push(entry)
    }
    if (begun.length === 0) return
    try {
      const written = await store.begin(begun.map(({ key }) => key))
      const ids = new Set(written.map(({ jobId }) => jobId))
      for (const entry of begun) if (ids.has(entry.key.jobId)) entry.beginAt = Infinity
    } catch {
      // Tried again; what keeps it from being written the renewal tells.
    }
  }

  async function renew(): Promise<void> {
    try {
      const due = dueEntries()
      for (let from = 0; from < due.length && !stopped; from += MAX_RENEWED) {
        await renewSome(due.slice(from, from + MAX_RENEWED))
      }
      await renewRegistration()
      renewAt = now() + leaseMs / 3
      if (!renewing) tell({ kind: 'renewed' })
      renewing = true
    } catch (error) {
      // While the database is away nobody else takes them: an instance that found it again waits for
      // a whole lease before it recovers anything.
      tell({ kind: 'trouble', what: errorMessage(error), jobs: entries.size })
      renewing = false
      renewAt = now() + Math.min(1_000, leaseMs / 10)
    }
  }

  async function renewRegistration(): Promise<void> {
    const { owner: id, token } = settings
    const { registered } = await store.registerInstance({ id, token, leaseMs })
    if (!registered) tell({ kind: 'replaced' })
  }

  function dueEntries(): readonly Entry[] {
    const due: Entry[] = []
    for (const [slot, entry] of entries) {
      const state = table.stateOf(slot, entry.word)
      if (state === 'free') {
        entries.delete(slot)
        continue
      }
      const overdue = silentMs >= leaseMs && state === 'begun' && table.deadlineOf(slot) <= now()
      if (!overdue && now() - entry.since > leaseMs / 4) due.push(entry)
    }
    return due
  }

  async function renewSome(due: readonly Entry[]): Promise<void> {
    const kept = await store.renew({ keys: due.map(({ key }) => key), leaseMs })
    const found = new Set(kept.map(({ jobId }) => jobId))
    const missing = due.filter(({ key }) => !found.has(key.jobId)).map(({ key }) => key)
    // A row that somebody has locked was passed over, also one that its own handler has updated: it is
    // ours all the same, and nobody else can take it.
    for (const key of missing.length > 0 ? await store.stillHeld(missing) : []) found.add(key.jobId)
    const lost: ExecutionKey[] = []
    for (const entry of due) {
      entry.missed = found.has(entry.key.jobId) ? 0 : entry.missed + 1
      if (entry.missed < 2 || entries.get(entry.slot) !== entry) continue
      entries.delete(entry.slot)
      if (table.stateOf(entry.slot, entry.word) !== 'free') lost.push(entry.key)
    }
    if (lost.length > 0) tell({ kind: 'lost', keys: lost })
  }

  async function giveBackUnbegun(): Promise<void> {
    const taken = [...entries.values()].filter(({ slot, word }) => table.takeUnbegun(slot, word))
    if (taken.length === 0) return
    for (const { slot } of taken) entries.delete(slot)
    tell({ kind: 'returned', jobs: taken.length, silentMs })
    try {
      await store.settle(
        taken.map(({ key }) => ({
          ...key,
          ending: { kind: 'returned', delayMs: 0 },
          durationMs: null,
          retryAttempt: 0,
          executedBy: settings.owner,
        })),
      )
      const queues = [...new Set(taken.map(({ queue }) => queue))]
      await store.announce({ queues, schedules: false })
    } catch (error) {
      // Nobody renews them any more: they are free when their leases have ended.
      tell({ kind: 'trouble', what: errorMessage(error), jobs: taken.length })
    }
  }

  return {
    hold: ({ queue, since, jobIds, epochs, slots, words }) => {
      // The next round would come late for them.
      if (now() - since > leaseMs / 4) renewAt = 0
      for (const [index, jobId] of jobIds.entries()) {
        const slot = slots[index] ?? 0
        const key = { jobId, epoch: epochs[index] ?? 0 }
        entries.set(slot, {
          key,
          queue,
          slot,
          word: words[index] ?? 0,
          since,
          beginAt: undefined,
          missed: 0,
        })
      }
    },
    start: () => {
      stopped = false
      renewAt = now() + leaseMs / 3
      tick()
    },
    stop: async () => {
      stopped = true
      timer?.cancel()
      await working
    },
  }
}
