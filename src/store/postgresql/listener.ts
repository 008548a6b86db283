import { createHash } from 'node:crypto'
import type pg from 'pg'
import { ANYTHING, type Announcement } from '../../ports/wake-ups.ts'
import type { Database } from './connect.ts'

const RECONNECT_MS = [100, 500, 1000, 2000, 5000] as const

/** How often the connection that only listens is asked whether it is still there. */
const PROBE_MS = 15_000

/** A channel's name ends at 63 bytes, 10 of them for `crossdock:`. */
const MAX_SCHEMA_BYTES = 53

/** The channel of one schema. The trigger of migration 1 names it the same way. */
function channelOf(schema: string): string {
  const fits = Buffer.byteLength(schema) <= MAX_SCHEMA_BYTES
  const name = fits ? schema : createHash('sha256').update(schema).digest('hex').slice(0, 40)
  return `crossdock:${name}`
}

/**
 * LISTEN on a connection of its own, for ever. A notification is a hint: whatever was missed while the
 * connection was down is found by the word after each reconnect that anything may be, and by polling.
 */
export function makeListener(database: Database, quote: (name: string) => string) {
  const stops = new Set<() => Promise<void>>()

  async function listen(
    listener: (heard: Announcement) => void,
  ): Promise<{ stop(): Promise<void> }> {
    // The thread of leases has a store too, and listens to nobody: it does without what reads announcements.
    const { readAnnouncement } = await import('./announcement.ts')
    let client: pg.Client | undefined
    let timer: NodeJS.Timeout | undefined
    let probe: NodeJS.Timeout | undefined
    let failures = 0
    let stopped = false

    async function connect(): Promise<void> {
      const fresh = database.openClient()
      client = fresh
      let lost = false
      const lose = (): void => {
        if (lost || stopped) return
        lost = true
        clearInterval(probe)
        void fresh.end().catch(() => undefined)
        const delay = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)]
        failures += 1
        timer = setTimeout(() => void connect(), delay)
      }
      probe = setInterval(() => {
        fresh.query('SELECT 1').catch(lose)
      }, PROBE_MS)
      fresh.on('error', lose)
      fresh.on('end', lose)
      fresh.on('notification', ({ payload = '' }) => {
        const { from, ...said } = readAnnouncement(payload)
        // What this process announced it knows already.
        if (from !== database.token) listener(said)
      })
      try {
        await fresh.connect()
        await fresh.query(`LISTEN ${quote(channelOf(database.schema))}`)
        failures = 0
        if (!isStopped()) listener(ANYTHING)
      } catch {
        lose()
      }
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
      await client?.end().catch(() => undefined)
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

/** A notification's payload ends at 8,000 bytes; many queues are announced as "any". */
const MAX_ANNOUNCED = 7_900

/** Tells the other instances. */
export function makeAnnounce(database: Database) {
  const statement = { name: 'crossdock_announce', text: 'SELECT pg_notify($1, $2)' }
  return async function announce(said: Announcement): Promise<void> {
    const from = database.token
    const named = JSON.stringify({ from, ...said })
    const fits = Buffer.byteLength(named) <= MAX_ANNOUNCED
    const payload = fits ? named : JSON.stringify({ from, ...said, queues: null })
    await database.run(statement, [channelOf(database.schema), payload])
  }
}
