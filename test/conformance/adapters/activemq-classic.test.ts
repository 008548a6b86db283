import { PROGRAM_DATABASES } from '../../services/program-database.ts'
import { activemqTarget } from './activemq-target.ts'
import { adapterSuite } from './adapter-suite.ts'

/** In the short form one database for each broker, so that both brokers and both databases are met. */
const isLong = process.env['CROSSDOCK_TEST_LONG'] === '1'

for (const database of Object.entries(PROGRAM_DATABASES)) {
  if (isLong || database[0] === 'PostgreSQL') adapterSuite(activemqTarget('classic'), database)
}
