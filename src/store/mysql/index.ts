import { performance } from 'node:perf_hooks'
import type { Store } from '../../ports/store.ts'
import { makeCountBacklog } from './backlog.ts'
import { makeClaim } from './claim.ts'
import { makeClientPackets } from './client-packets.ts'
import { makeClientSlots } from './client-slots.ts'
import { connectMysql, type MysqlSettings } from './connect.ts'
import { makeDeadLetters } from './dead-letters.ts'
import { makeInsertJobs } from './insert-jobs.ts'
import { makeRegisterInstance, makeUnregisterInstance } from './instances.ts'
import { makeBegin, makeRecoverExpired, makeRenew, makeStillHeld } from './leases.ts'
import { makeListener } from './listener.ts'
import { makePauses } from './pauses.ts'
import { makeUpdateProgress } from './progress.ts'
import { makePromoteDue } from './promote.ts'
import {
  makeFindJob,
  makeListExecutions,
  makeMissingHandlers,
  makeMissingPublications,
  makeQueueDepths,
  makeReadPayload,
  makeReadyQueues,
} from './read.ts'
import { makeRetention } from './retention.ts'
import { makeBook } from './schedule-book.ts'
import { makeSchedules } from './schedules.ts'
import { makeSettle, makeSettled } from './settle.ts'
import { makeTransactions } from './transaction.ts'
import { makeTurns } from './turns.ts'
import { makeWalkDead } from './walk-dead.ts'

export type { MysqlSettings } from './connect.ts'

/**
 * The store on MariaDB 10.6 and later, and MySQL 8.0.17 and later. Connects at its first use; the tables
 * must be migrated.
 */
export function createMysqlStore(settings: MysqlSettings): Store {
  const database = connectMysql(settings)
  const insertJobs = makeInsertJobs(database)
  const transactions = makeTransactions(database)
  const listener = makeListener(database)
  let closing: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    await transactions.abandonAll()
    await Promise.all([listener.stopAll(), database.close()])
  }

  return {
    dialect: 'mysql',
    deadLetters: makeDeadLetters(database),
    schedules: makeSchedules(database),
    pauses: makePauses(database),
    scheduleBook: makeBook(database),
    retention: makeRetention(database),
    insertJobs: (request) => insertJobs(request),
    claim: makeClaim(database),
    readyQueues: makeReadyQueues(database),
    readPayload: makeReadPayload(database),
    begin: makeBegin(database),
    settle: makeSettle(database),
    settled: makeSettled(database),
    openTransaction: transactions.open,
    updateProgress: makeUpdateProgress(database),
    promoteDue: makePromoteDue(database),
    ...makeTurns(database),
    renew: makeRenew(database),
    stillHeld: makeStillHeld(database),
    recoverExpired: makeRecoverExpired(database),
    registerInstance: makeRegisterInstance(database),
    unregisterInstance: makeUnregisterInstance(database),
    ...makeClientSlots(database),
    ...makeClientPackets(database),
    findJob: makeFindJob(database),
    walkDead: makeWalkDead(database),
    listExecutions: makeListExecutions(database),
    queueDepths: makeQueueDepths(database),
    countBacklog: makeCountBacklog(database),
    missingHandlers: makeMissingHandlers(database),
    missingPublications: makeMissingPublications(database),
    ping: async () => {
      const from = performance.now()
      const { rows } = await database.run<{ version: string }>('SELECT VERSION() AS version')
      const version = rows[0]?.version ?? '?'
      const [number = version] = version.split('-')
      return {
        version: `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${number}`,
        latencyMs: performance.now() - from,
      }
    },
    statistics: () => database.contention.statistics(),
    listen: listener.listen,
    // Nobody could hear it.
    announce: async () => undefined,
    close: async () => {
      closing ??= closeAll()
      await closing
    },
  }
}
