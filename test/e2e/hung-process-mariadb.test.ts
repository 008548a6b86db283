import { mysqlTarget } from '../conformance/store/mysql-target.ts'
import { startMariadb } from '../services/mariadb.ts'
import { hungProcessSuite } from './hung-process.suite.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

hungProcessSuite(
  mysqlTarget('mariadb', () => startMariadb()),
  LONG ? ['kill', 'kill-at-once'] : ['kill-at-once'],
)
