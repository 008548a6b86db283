import { PROGRAM_DATABASES } from '../../services/program-database.ts'
import { adapterSuite } from './adapter-suite.ts'
import { mqttTarget } from './mqtt-target.ts'

for (const database of Object.entries(PROGRAM_DATABASES)) {
  adapterSuite(mqttTarget(1), database)
}
adapterSuite(mqttTarget(2), ['PostgreSQL', PROGRAM_DATABASES.PostgreSQL])
