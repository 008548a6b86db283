import { PROGRAM_DATABASES } from '../../services/program-database.ts'
import { adapterSuite } from './adapter-suite.ts'
import { kafkaTarget } from './kafka-target.ts'

for (const database of Object.entries(PROGRAM_DATABASES)) adapterSuite(kafkaTarget, database)
