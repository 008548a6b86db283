import { describe, expect, it } from 'vitest'
import { NOTHING_RUN, type AreaResult } from '../../runner/area-result.ts'
import { summarize } from '../../runner/summary.ts'

const GREEN: AreaResult = { ...NOTHING_RUN, area: 'unit', durationMs: 1500, passed: 7 }
const RED: AreaResult = {
  ...NOTHING_RUN,
  area: 'chaos',
  durationMs: 61_000,
  passed: 1,
  failed: 1,
  skipped: 1,
  skippedTests: [{ name: 'b.test.ts > waits', reason: 'not here' }],
  failedTests: [{ name: 'a.test.ts > holds', reason: 'expected 1 to be 2\nat a.test.ts:9' }],
}

describe('the end of a run', () => {
  it('has a row for each area and one for all', () => {
    const lines = summarize([GREEN], 2000).split('\n')
    expect(lines).toContain('unit  0.0 s  1.5 s       7       0        0')
    expect(lines).toContain('all   0.0 s  2.0 s       7       0        0')
  })

  it('names what failed, and why, behind all else: a record of the end alone must tell', () => {
    const end = summarize([RED, GREEN], 2000)
    expect(end).toMatch(/!!! 1 SKIPPED\n {2}chaos: b\.test\.ts > waits\n {4}not here\n/)
    expect(end).toMatch(
      /!!! 1 FAILED\n {2}chaos: a\.test\.ts > holds\n {4}expected 1 to be 2\n {4}at a\.test\.ts:9\n$/,
    )
  })

  it('keeps a reason short that is the output of a whole program', () => {
    const reason = Array.from({ length: 500 }, (_, line) => `line ${line}`).join('\n')
    const end = summarize([{ ...RED, failedTests: [{ name: 'x', reason }] }], 2000)
    expect(end).toContain('line 11\n')
    expect(end).not.toContain('line 12\n')
  })
})
