import { runSuites } from './run-suites.ts'
import { TARGETS } from './targets.ts'

runSuites(TARGETS.postgresql)
