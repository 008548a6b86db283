import { url as inspectorUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../ports/clock.ts'
import type { ClaimedLeases, Lease, LeaseKeeper, LeaseKeeperEvents } from '../ports/lease-keeper.ts'
import type { Log } from '../ports/log.ts'
import type { ExecutionKey } from '../ports/store.ts'
import { LeaseTable, sharedNowMs } from './lease-table.ts'
import type { FromKeeper, HeldMessage, KeeperData, KeeperSettings, ToKeeper } from './messages.ts'

/** What {@link createThreadKeeper} needs. */
export interface ThreadKeeperOptions {
  readonly settings: KeeperSettings
  /** The file of the thread. */
  readonly script: URL
  /** What the file needs beside {@link KeeperData}: the way to the database, as plain data. */
  readonly data: Readonly<Record<string, unknown>>
  readonly clock: Clock
  readonly log: Log
}

interface Use {
  readonly key: ExecutionKey
  readonly queue: string
  readonly since: number
  readonly slot: number
  readonly word: number
}

/** How often the main thread says that it answers, at most, in milliseconds. */
const MAX_BEAT_MS = 500

/** Until a thread that ended by itself is started again, in milliseconds. */
const RESTART_MS = 1_000

const FAILED = 'the thread that renews leases has failed; it is started again'

/** How long the thread may take to end, in milliseconds. */
const STOP_MS = 2_000

/** Renews leases by a thread of its own. */
export function createThreadKeeper(options: ThreadKeeperOptions): LeaseKeeper {
  const { settings, clock, log } = options
  const table = new LeaseTable()
  const uses = new Map<number, Use>()
  const free: number[] = []
  let events: LeaseKeeperEvents | undefined
  let thread: Worker | undefined
  let beat: Timer | undefined
  let stopping: Promise<void> | undefined
  let used = 0
  /** Why leases are not renewed now. */
  let trouble: string | undefined

  function startThread(): void {
    const data: KeeperData = { settings, memory: table.memory }
    const workerData: object = { ...options.data, ...data }
    const fresh = new Worker(options.script, { workerData })
    thread = fresh
    fresh.unref()
    fresh.on('message', hear)
    fresh.on('error', (error: unknown) => {
      // One that fails again and again is told of once, until it renews.
      if (trouble !== FAILED) log.error({ err: error }, FAILED)
      trouble = FAILED
    })
    fresh.on('exit', () => {
      if (stopping !== undefined || thread !== fresh) return
      thread = undefined
      trouble = FAILED
      events?.onTrouble()
      clock.after(RESTART_MS, () => {
        if (stopping === undefined) startThread()
      })
    })
    for (const use of uses.values()) send(heldMessage(use.queue, use.since, [use]))
  }

  function send(message: ToKeeper): void {
    thread?.postMessage(message)
  }

  function hear(message: FromKeeper): void {
    switch (message.kind) {
      case 'lost':
        events?.onLost(message.keys)
        break
      case 'trouble':
        events?.onTrouble()
        if (trouble === undefined)
          log.warn({ error: message.what, jobs: message.jobs }, 'leases could not be renewed')
        trouble = 'the database does not answer the thread that renews leases'
        break
      case 'renewed':
        if (trouble !== undefined) log.info({}, 'leases are renewed again')
        trouble = undefined
        break
      case 'returned':
        log.warn(
          { jobs: message.jobs, silent_ms: Math.round(message.silentMs) },
          'the main thread did not answer: jobs that had not begun were given back',
        )
        break
      case 'replaced':
        events?.onReplaced()
        break
    }
  }

  function beatOn(): void {
    table.beat(inspectorUrl() !== undefined)
    beat = clock.after(Math.min(MAX_BEAT_MS, settings.leaseMs / 10), beatOn)
  }

  function freeSlot(): number {
    const slot = free.pop()
    if (slot !== undefined) return slot
    if (used === table.size) table.grow()
    used += 1
    return used - 1
  }

  function lease({ slot, word }: Use): Lease {
    let ended = false
    return {
      begin: (limitMs) => table.begin(slot, word, sharedNowMs() + limitMs),
      finish: () => {
        table.finish(slot, word)
      },
      end: () => {
        if (ended) return
        ended = true
        table.end(slot, word)
        uses.delete(slot)
        free.push(slot)
      },
    }
  }

  function hold({ queue, keys, ageMs }: ClaimedLeases): readonly Lease[] {
    const since = sharedNowMs() - ageMs
    const held = keys.map((key): Use => {
      const slot = freeSlot()
      const use = { key, queue, since, slot, word: table.hold(slot) }
      uses.set(slot, use)
      return use
    })
    if (held.length > 0) send(heldMessage(queue, since, held))
    return held.map(lease)
  }

  async function stop(): Promise<void> {
    beat?.cancel()
    if (thread === undefined) return
    const ending = thread
    const ended = new Promise((resolve) => ending.once('exit', resolve))
    send({ kind: 'stop' })
    const patience = clock.after(STOP_MS, () => void ending.terminate())
    await ended
    patience.cancel()
  }

  return {
    start: (heard) => {
      events = heard
      beatOn()
      startThread()
    },
    hold,
    health: () =>
      trouble === undefined
        ? { status: 'ok', facts: { held: uses.size } }
        : { status: 'degraded', detail: `leases are not renewed: ${trouble}` },
    stop: () => (stopping ??= stop()),
  }
}

function heldMessage(queue: string, since: number, uses: readonly Use[]): HeldMessage {
  return {
    kind: 'held',
    queue,
    since,
    jobIds: uses.map(({ key }) => key.jobId),
    epochs: uses.map(({ key }) => key.epoch),
    slots: uses.map(({ slot }) => slot),
    words: uses.map(({ word }) => word),
  }
}
