import { describe } from 'vitest'
import type { AdapterTarget } from './adapter-target.ts'
import { deliveryCases } from './delivery-cases.ts'
import { flowCases } from './flow-cases.ts'
import { outageCases } from './outage-cases.ts'
import { openSuite, type SuiteDatabase } from './suite-run.ts'
import { LIMIT_MS } from './waiting.ts'

/**
 * What every adapter owes, tried with the whole program, a real far side and a real database: each message that
 * was handed over is one job, stored before it is acknowledged, whatever breaks. A protocol brings its
 * {@link AdapterTarget}, and names the cases that it cannot meet.
 */
export function adapterSuite(target: AdapterTarget, database: SuiteDatabase): void {
  describe(`${target.protocol} on ${database[0]}`, { timeout: LIMIT_MS }, () => {
    const suite = openSuite(target, database)
    deliveryCases(suite)
    flowCases(suite)
    outageCases(suite)
  })
}
