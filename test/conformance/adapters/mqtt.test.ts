import { adapterSuite } from './adapter-suite.ts'
import { databasesFor } from './databases.ts'
import { mqttTarget } from './mqtt-target.ts'

for (const database of databasesFor('MariaDB')) adapterSuite(mqttTarget(1), database)
for (const database of databasesFor('PostgreSQL')) adapterSuite(mqttTarget(2), database)
