import { PROGRAM_DATABASES } from '../../services/program-database.ts'
import { adapterSuite } from './adapter-suite.ts'
import { signalrTarget } from './signalr-target.ts'

for (const database of Object.entries(PROGRAM_DATABASES)) adapterSuite(signalrTarget, database)
