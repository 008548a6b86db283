import { v7 } from 'uuid'
import type { Configuration } from '../config/configuration.ts'
import { parseInput } from '../handler-kit/validate-input.ts'
import { createDeadLetters } from '../ingest/dead-letters.ts'
import { createGroupCommit } from '../ingest/group-commit.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Log } from '../ports/log.ts'
import { startWakeUps } from '../worker/wake-ups.ts'
import { openMappings, subscriptionRules } from './mappings.ts'
import { openDatabase } from './open-database.ts'
import { openStore, storeAddress } from './open-store.ts'
import { allHandlers } from './start-options.ts'
import { systemClock } from './system-clock.ts'
import { Teardown } from './teardown.ts'

/**
 * Works on the dead letters of the configured database, without an instance; starts the embedded one for the time being. What
 * is replayed wakes the instances that run.
 */
export async function withDeadLetters<T>(
  configuration: Configuration,
  log: Log,
  work: (deadLetters: DeadLetters) => Promise<T>,
): Promise<T> {
  const teardown = new Teardown()
  try {
    const handlers = await allHandlers(configuration, {}, log)
    const database = await openDatabase(configuration, log)
    teardown.add('database', () => database.close())
    const store = await openStore(storeAddress(database, configuration), 1, log)
    teardown.add('store', () => store.close())
    const clock = systemClock
    const channels = configuration.database.notify ? [store] : []
    const wakeUps = await startWakeUps({ channels, clock, log })
    teardown.add('wake-ups', () => wakeUps.stop())
    const commit = createGroupCommit({ store, wakeUps, clock, log, random: Math.random })
    teardown.add('ingest', () => commit.close())
    const mappings = openMappings(subscriptionRules(configuration.subscriptions), log)
    teardown.add('expressions', () => mappings.stop())
    const { subscriptions } = configuration
    const parts = { subscriptions, mappings, handlers, parseInput, commit, store, makeId: v7 }
    return await work(createDeadLetters({ ...parts, now: Date.now }))
  } finally {
    await teardown.run(log)
  }
}
