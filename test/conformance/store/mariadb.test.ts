import { mysqlEndsSuite } from './mysql-ends.suite.ts'
import { mysqlMigrationsSuite } from './mysql-migrations.suite.ts'
import { mysqlRulesSuite } from './mysql-rules.suite.ts'
import { mysqlStepsSuite } from './mysql-steps.suite.ts'
import { mysqlTriggersSuite } from './mysql-triggers.suite.ts'
import { runSuites } from './run-suites.ts'
import { TARGETS } from './targets.ts'

mysqlRulesSuite(TARGETS.mariadb)
mysqlEndsSuite(TARGETS.mariadb)
mysqlStepsSuite(TARGETS.mariadb)
mysqlMigrationsSuite(TARGETS.mariadb)
mysqlTriggersSuite(TARGETS.mariadb)
runSuites(TARGETS.mariadb)
