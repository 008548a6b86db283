import { PROGRAM_DATABASES } from '../../services/program-database.ts'
import { adapterSuite } from './adapter-suite.ts'
import { kafkaTarget } from './kafka-target.ts'

const IS_LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/** A broker takes ten seconds to come back, and what becomes of its absence is no matter of the database. */
const ONCE = 'the short form tries this on PostgreSQL alone'

adapterSuite(kafkaTarget(), ['PostgreSQL', PROGRAM_DATABASES.PostgreSQL])
adapterSuite(
  kafkaTarget(IS_LONG ? {} : { 'broker restarted': ONCE, 'broker down at start': ONCE }),
  ['MariaDB', PROGRAM_DATABASES.MariaDB],
)
