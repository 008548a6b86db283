import { announceSuite } from './announce.suite.ts'
import { claimSuite } from './claim.suite.ts'
import { insertSuite } from './insert.suite.ts'
import { outageSuite } from './outage.suite.ts'
import { plainSqlSuite } from './plain-sql.suite.ts'
import { runSuites } from './run-suites.ts'
import { settleSuite } from './settle.suite.ts'
import { statisticsSuite } from './statistics.suite.ts'
import { TARGETS } from './targets.ts'
import { transactionSuite } from './transaction.suite.ts'
import { turnsSuite } from './turns.suite.ts'

/** It is a PostgreSQL of another version: the short form has what a version could do differently, the long form all. */
const IN_SHORT = [
  insertSuite,
  plainSqlSuite,
  claimSuite,
  settleSuite,
  transactionSuite,
  turnsSuite,
  statisticsSuite,
  announceSuite,
  outageSuite,
]

runSuites(TARGETS.embedded, process.env['CROSSDOCK_TEST_LONG'] === '1' ? undefined : IN_SHORT)
