import { mysqlRulesSuite } from './mysql-rules.suite.ts'
import { runSuites } from './run-suites.ts'
import { TARGETS } from './targets.ts'

mysqlRulesSuite(TARGETS.mariadb)
runSuites(TARGETS.mariadb)
