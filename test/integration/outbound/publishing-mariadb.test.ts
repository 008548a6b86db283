import { describe } from 'vitest'
import { useOutbound } from './harness.ts'
import { publishingSuite } from './publishing.suite.ts'

describe('publishing on MariaDB', () => {
  publishingSuite(useOutbound('MariaDB'))
})
