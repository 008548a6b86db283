import type { Configuration } from '../config/configuration.ts'
import { createPauses, type KeptPauses } from '../integrations/pauses.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { createTurnGiver } from '../worker/turns.ts'
import { startWakeUps, type RunningWakeUps } from '../worker/wake-ups.ts'
import { migrateAtStart } from './migrate-database.ts'
import { openCache, type OpenCache } from './open-cache.ts'
import { openDatabase, type OpenDatabase } from './open-database.ts'
import { openStore, storeAddress, type StoreAddress } from './open-store.ts'
import { configuredPauses, resumeQueues } from './queue-pauses.ts'
import type { Teardown } from './teardown.ts'

/** What every part of an instance stands on. */
export interface Foundation {
  readonly database: OpenDatabase
  readonly address: StoreAddress
  readonly store: Store
  readonly cache: OpenCache
  readonly wakeUps: RunningWakeUps
  readonly pauses: KeptPauses
}

/**
 * Opens the database, migrated, the cache, and the ways by which instances wake each other.
 * @throws CrossdockError `database_unavailable`, `migration_*`, `embedded_*`, `cache_unavailable`
 */
export async function openFoundation(
  configuration: Configuration,
  parts: {
    readonly teardown: Teardown
    /** Ends the HTTP server, if there is one by then: later than all else that speaks to the database. */
    readonly closeHttp: () => Promise<void>
    readonly clock: Clock
    readonly log: Log
  },
): Promise<Foundation> {
  const { teardown, clock, log } = parts
  const database = await openDatabase(configuration, log)
  teardown.add('database', () => database.close())
  await migrateAtStart(database, configuration, log)
  const address = storeAddress(database, configuration)
  const store = await openStore(address, configuration.database.poolSize, log)
  teardown.add('store', () => store.close())
  teardown.add('http', parts.closeHttp)
  await store.ping()

  const cache = await openCache(configuration, { clock, log })
  teardown.add('cache', () => cache.close())
  const wakeUps = await startWakeUps({
    channels: [...(configuration.database.notify ? [store] : []), ...cache.channels],
    clock,
    log,
  })
  teardown.add('wake-ups', () => wakeUps.stop())
  const configured = configuredPauses(configuration.jobs)
  const pauses = createPauses({ store, wakeUps, configured, clock, log })
  teardown.add('pauses', async () => {
    pauses.stop()
  })
  resumeQueues(pauses, wakeUps)
  await pauses.start()
  const turns = createTurnGiver({ store, wakeUps, clock, log })
  turns.start()
  teardown.add('turns', () => turns.stop())
  teardown.add('locks', () => cache.locks.stop())
  return { database, address, store, cache, wakeUps, pauses }
}
