import { afterAll } from 'vitest'
import { announceSuite } from './announce.suite.ts'
import { backlogSuite } from './backlog.suite.ts'
import { claimSuite } from './claim.suite.ts'
import { clientSlotsSuite } from './client-slots.suite.ts'
import { contentionSuite } from './contention.suite.ts'
import { deadWalkSuite } from './dead-walk.suite.ts'
import { deadLettersSuite } from './dead-letters.suite.ts'
import { insertSuite } from './insert.suite.ts'
import { instancesSuite } from './instances.suite.ts'
import { leaseSuite } from './lease.suite.ts'
import { outboundSuite } from './outbound.suite.ts'
import { outageSuite } from './outage.suite.ts'
import { pausesSuite } from './pauses.suite.ts'
import { plainSqlSuite } from './plain-sql.suite.ts'
import { promoteSuite } from './promote.suite.ts'
import { readSuite } from './read.suite.ts'
import { rehearsalSuite } from './rehearsal.suite.ts'
import { retentionSuite } from './retention.suite.ts'
import { scheduleBookSuite } from './schedule-book.suite.ts'
import { schedulePoliciesSuite } from './schedule-policies.suite.ts'
import { schedulesSuite } from './schedules.suite.ts'
import { settleSuite } from './settle.suite.ts'
import { statisticsSuite } from './statistics.suite.ts'
import type { StoreSuite } from './store-suite.ts'
import type { Target } from './target.ts'
import { transactionPoolSuite } from './transaction-pool.suite.ts'
import { transactionSuite } from './transaction.suite.ts'
import { turnGiversSuite } from './turn-givers.suite.ts'
import { turnsSuite } from './turns.suite.ts'
import { unitsSuite } from './units.suite.ts'

/** Every suite; the one that kills the server comes last. */
const SUITES: readonly StoreSuite[] = [
  insertSuite,
  unitsSuite,
  plainSqlSuite,
  claimSuite,
  settleSuite,
  contentionSuite,
  leaseSuite,
  instancesSuite,
  clientSlotsSuite,
  transactionSuite,
  transactionPoolSuite,
  rehearsalSuite,
  deadWalkSuite,
  promoteSuite,
  turnsSuite,
  turnGiversSuite,
  readSuite,
  backlogSuite,
  pausesSuite,
  deadLettersSuite,
  statisticsSuite,
  outboundSuite,
  retentionSuite,
  scheduleBookSuite,
  schedulePoliciesSuite,
  schedulesSuite,
  announceSuite,
  outageSuite,
]

/** Runs every suite, or these, on a target, whose server is started once. */
export function runSuites(target: Target, suites: readonly StoreSuite[] = SUITES): void {
  for (const suite of suites) suite(target)
  afterAll(async () => {
    const server = await target.start().catch(() => undefined)
    await server?.stop()
  })
}
