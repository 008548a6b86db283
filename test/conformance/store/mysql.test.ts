import { mysqlRulesSuite } from './mysql-rules.suite.ts'
import { runSuites } from './run-suites.ts'
import { TARGETS } from './targets.ts'

mysqlRulesSuite(TARGETS.mysql)
runSuites(TARGETS.mysql)
