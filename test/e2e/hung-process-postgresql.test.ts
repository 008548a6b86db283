import { postgresqlTarget } from '../conformance/store/postgresql-target.ts'
import { startPostgresql } from '../services/postgresql.ts'
import { hungProcessSuite } from './hung-process.suite.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

hungProcessSuite(
  postgresqlTarget('postgresql', () => startPostgresql()),
  LONG ? ['kill', 'kill-at-once'] : ['kill'],
)
