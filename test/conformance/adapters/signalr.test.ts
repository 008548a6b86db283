import { adapterSuite } from './adapter-suite.ts'
import { databasesFor } from './databases.ts'
import { signalrTarget } from './signalr-target.ts'

for (const database of databasesFor('PostgreSQL')) adapterSuite(signalrTarget, database)
