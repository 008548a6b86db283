import { activemqTarget } from './activemq-target.ts'
import { adapterSuite } from './adapter-suite.ts'
import { databasesFor } from './databases.ts'

for (const database of databasesFor('MariaDB')) adapterSuite(activemqTarget('artemis'), database)
