import { mysqlEndsSuite } from './mysql-ends.suite.ts'
import { mysqlMigrationsSuite } from './mysql-migrations.suite.ts'
import { mysqlRulesSuite } from './mysql-rules.suite.ts'
import { mysqlStepsSuite } from './mysql-steps.suite.ts'
import { runSuites } from './run-suites.ts'
import { TARGETS } from './targets.ts'

mysqlRulesSuite(TARGETS.mysql)
mysqlEndsSuite(TARGETS.mysql)
mysqlStepsSuite(TARGETS.mysql)
mysqlMigrationsSuite(TARGETS.mysql)
runSuites(TARGETS.mysql)
