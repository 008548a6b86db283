import type { TurnKey } from '../domain/turn.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Announcement, WakeUpChannel, WakeUps } from '../ports/wake-ups.ts'

/** {@link WakeUps} and its ends. */
export interface RunningWakeUps extends WakeUps {
  stop(): Promise<void>
}

/** Announcements to other instances are gathered for this long, in milliseconds. */
const ANNOUNCE_EVERY_MS = 20

/**
 * Wakes this process at once and the others by one announcement for many commits: NOTIFY takes a lock
 * over the whole database at commit, and one for each commit divided them by three under 32 writers.
 */
export async function startWakeUps(options: {
  /** Ways to the other instances, each used for everything; none: they find work by polling. */
  readonly channels: readonly WakeUpChannel[]
  readonly clock: Clock
  readonly log: Log
}): Promise<RunningWakeUps> {
  const { channels, clock, log } = options
  const readyListeners = new Set<(queues: readonly string[] | null) => void>()
  const waitingListeners = new Set<() => void>()
  const turnListeners = new Set<(keys: readonly TurnKey[] | null) => void>()
  const scheduleListeners = new Set<() => void>()
  const pauseListeners = new Set<() => void>()
  const pending = new Set<string>()
  let pausesPending = false
  let timer: Timer | undefined
  let announcing: Promise<void> = Promise.resolve()

  function tell({ queues, schedules, pauses = false }: Announcement): void {
    if (queues === null || queues.length > 0) call(readyListeners, queues)
    if (schedules) call(scheduleListeners, undefined)
    if (pauses) call(pauseListeners, undefined)
  }

  function call<Said>(listeners: Iterable<(said: Said) => void>, said: Said): void {
    for (const listener of listeners) {
      try {
        listener(said)
      } catch (error) {
        // Whoever announces has just committed, and must not fail for it.
        log.error({ err: error }, 'a part could not be woken')
      }
    }
  }

  function announceSoon(): void {
    if (channels.length > 0) timer ??= clock.after(ANNOUNCE_EVERY_MS, announce)
  }

  function announce(): void {
    timer?.cancel()
    timer = undefined
    const said = {
      queues: [...pending],
      schedules: false,
      ...(pausesPending && { pauses: true }),
    }
    pending.clear()
    if (said.queues.length === 0 && !pausesPending) return
    pausesPending = false
    announcing = Promise.all(channels.map((channel) => announceBy(channel, said))).then(
      () => undefined,
    )
  }

  async function announceBy(channel: WakeUpChannel, said: Announcement): Promise<void> {
    try {
      await channel.announce(said)
    } catch (error) {
      log.debug(
        { err: error },
        'other instances were not told of new work; they find it by polling',
      )
    }
  }

  const listening = await Promise.all(channels.map((channel) => channel.listen(tell)))

  return {
    ready: (queues) => {
      call(readyListeners, queues)
      for (const queue of queues) pending.add(queue)
      announceSoon()
    },
    waiting: () => {
      for (const listener of waitingListeners) listener()
    },
    turns: (keys) => {
      if (keys === null || keys.length > 0) call(turnListeners, keys)
    },
    pauses: () => {
      pausesPending = true
      announceSoon()
    },
    onReady: (listener) => {
      readyListeners.add(listener)
      return () => readyListeners.delete(listener)
    },
    onWaiting: (listener) => {
      waitingListeners.add(listener)
      return () => waitingListeners.delete(listener)
    },
    onTurns: (listener) => {
      turnListeners.add(listener)
      return () => turnListeners.delete(listener)
    },
    onSchedules: (listener) => {
      scheduleListeners.add(listener)
      return () => scheduleListeners.delete(listener)
    },
    onPauses: (listener) => {
      pauseListeners.add(listener)
      return () => pauseListeners.delete(listener)
    },
    stop: async () => {
      // What was given back last is what the others are to run.
      announce()
      await announcing
      await Promise.all(listening.map((each) => each.stop()))
    },
  }
}
