import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import type { PauseChange, PauseRecord } from '../ports/pauses.ts'
import type { QueueDepth, Store } from '../ports/store.ts'
import { migrateAtStart } from './migrate-database.ts'
import { openDatabase } from './open-database.ts'
import { openStore, storeAddress } from './open-store.ts'

/** Writes a pause into the configured database and tells the instances that run. */
export async function changePause(
  configuration: Configuration,
  change: PauseChange,
  log: Log,
): Promise<PauseRecord> {
  return await withStore(configuration, log, async (store) => {
    const record = await store.pauses.set(change)
    // Those who do not hear it look by themselves.
    await store.announce({ queues: [], schedules: false, pauses: true }).catch(() => undefined)
    return record
  })
}

/** What is paused or was resumed by people, and how many jobs the queues have. */
export async function listPauses(
  configuration: Configuration,
  log: Log,
): Promise<{ readonly records: readonly PauseRecord[]; readonly queues: readonly QueueDepth[] }> {
  return await withStore(configuration, log, async (store) => ({
    records: await store.pauses.list(),
    queues: await store.queueDepths(),
  }))
}

/** The store of the configured database for a moment; starts the embedded one for the time being. */
async function withStore<T>(
  configuration: Configuration,
  log: Log,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(configuration, log)
  try {
    await migrateAtStart(database, configuration, log)
    const store = await openStore(storeAddress(database, configuration), 1, log)
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  } finally {
    await database.close()
  }
}
