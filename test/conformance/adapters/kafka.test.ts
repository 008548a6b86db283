import { adapterSuite } from './adapter-suite.ts'
import { databasesFor } from './databases.ts'
import { kafkaTarget } from './kafka-target.ts'

for (const database of databasesFor('PostgreSQL')) adapterSuite(kafkaTarget(), database)
