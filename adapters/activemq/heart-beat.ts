import type { Clock, Timer } from '../../src/ports/clock.ts'

/** What {@link watchHeartBeat} needs. */
export interface HeartBeatOptions {
  /** The silence that the broker was promised not to see. */
  readonly outgoingMs: number
  /** How often the broker was asked to be heard. */
  readonly incomingMs: number
  /** Makes us heard. */
  readonly beat: () => void
  /** The broker was silent for so long. */
  readonly silent: (ms: number) => void
  readonly clock: Clock
}

/** Both directions of a line's heart-beat. */
export interface HeartBeat {
  /** The broker has accepted us, with this header. */
  begin(header: string | undefined): void
  heard(): void
  /** Nothing is read from now on: the broker's silence says nothing. */
  pause(): void
  resume(): void
  end(): void
}

/**
 * Makes us heard three times as often as promised, since the brokers allow little more than the promise (tried:
 * Classic cuts after 1 to 3 times), and looks whether the broker is heard. A process that was blocked has to read
 * first what came meanwhile: only a broker that is silent then as well is taken for dead.
 * Source: STOMP 1.1, "Heart-beating".
 */
export function watchHeartBeat(options: HeartBeatOptions): HeartBeat {
  const { clock } = options
  let timers: Timer[] = []
  let lastHeard = clock.monotonicMs()
  let isPaused = false
  let isEnded = false

  function every(ms: number, run: () => void): void {
    const timer = clock.after(ms, () => {
      timers = timers.filter((one) => one !== timer)
      if (isEnded) return
      run()
      every(ms, run)
    })
    timers.push(timer)
  }

  function look(limitMs: number): void {
    if (isPaused || clock.monotonicMs() - lastHeard <= limitMs) return
    // Twice: once around the loop, so that sockets are read.
    setImmediate(() => {
      setImmediate(() => {
        const silentMs = clock.monotonicMs() - lastHeard
        if (!isEnded && !isPaused && silentMs > limitMs) options.silent(Math.round(silentMs))
      })
    })
  }

  return {
    begin: (header = '0,0') => {
      const [theirs = 0, wanted = 0] = header.split(',').map(Number)
      lastHeard = clock.monotonicMs()
      if (wanted > 0) every(Math.max(options.outgoingMs, wanted) / 3, options.beat)
      if (theirs > 0) {
        const intervalMs = Math.max(options.incomingMs, theirs)
        every(intervalMs, () => {
          look(2 * intervalMs)
        })
      }
    },
    heard: () => {
      lastHeard = clock.monotonicMs()
    },
    pause: () => {
      isPaused = true
    },
    resume: () => {
      isPaused = false
      lastHeard = clock.monotonicMs()
    },
    end: () => {
      isEnded = true
      for (const timer of timers) timer.cancel()
    },
  }
}
