import type { Connection } from 'mysql2/promise'
import { ANYTHING, type Announcement } from '../../ports/wake-ups.ts'
import type { Database } from './connect.ts'
import { answeredInTime } from './connection-limits.ts'

const RECONNECT_MS = [100, 500, 1000, 2000, 5000] as const

/** How often the connection that only waits is asked whether it is still there. */
const PROBE_MS = 5_000

/**
 * MySQL has no NOTIFY, so nobody is told of other instances' jobs: polling finds them. What can be told
 * is that the database is back after an outage: a connection of its own is held for that, and each time
 * it comes about the listener hears that it may have missed anything.
 */
export function makeListener(database: Database) {
  const stops = new Set<() => Promise<void>>()

  async function listen(
    listener: (heard: Announcement) => void,
  ): Promise<{ stop(): Promise<void> }> {
    let connection: Connection | undefined
    let timer: NodeJS.Timeout | undefined
    let probe: NodeJS.Timeout | undefined
    let failures = 0
    let stopped = false

    function again(): void {
      if (isStopped()) return
      const delay = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)]
      failures += 1
      timer = setTimeout(() => void connect(), delay)
    }

    async function connect(): Promise<void> {
      const fresh = await database.openClient().catch(() => undefined)
      if (fresh === undefined || isStopped()) {
        fresh?.destroy()
        again()
        return
      }
      connection = fresh
      let lost = false
      const lose = (): void => {
        if (lost) return
        lost = true
        clearInterval(probe)
        fresh.destroy()
        again()
      }
      fresh.on('error', lose)
      fresh.on('end', lose)
      probe = setInterval(() => {
        answeredInTime(fresh, fresh.ping()).catch(lose)
      }, PROBE_MS)
      failures = 0
      listener(ANYTHING)
    }

    // A function, since the compiler would otherwise take `stopped` for unchanged across an await.
    function isStopped(): boolean {
      return stopped
    }

    async function stop(): Promise<void> {
      stopped = true
      stops.delete(stop)
      clearTimeout(timer)
      clearInterval(probe)
      connection?.destroy()
    }

    stops.add(stop)
    await connect()
    return { stop }
  }

  return {
    listen,
    stopAll: async () => {
      await Promise.all([...stops].map((stop) => stop()))
    },
  }
}
