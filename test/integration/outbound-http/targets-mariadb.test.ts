import { describe } from 'vitest'
import { useHttpBed } from './harness.ts'
import { settlingSuite } from './settling.suite.ts'
import { troubleSuite } from './trouble.suite.ts'

describe('messages to HTTP targets on MariaDB', () => {
  const bed = useHttpBed('MariaDB')
  troubleSuite(bed)
  settlingSuite(bed)
})
