import { adapterSuite } from './adapter-suite.ts'
import { databasesFor } from './databases.ts'
import { httpTarget } from './http-target.ts'

for (const database of databasesFor('MariaDB')) adapterSuite(httpTarget, database)
