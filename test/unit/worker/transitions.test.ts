import { describe, expect, it } from 'vitest'
import { canMove, STATUS_WORDS } from '../../../src/domain/status.ts'
import type { Ending } from '../../../src/ports/store.ts'
import { written } from '../../../src/store/endings.ts'

const ENDINGS: readonly Ending[] = [
  { kind: 'completed', result: null },
  { kind: 'failed', error: 'e', deadReason: 'd' },
  { kind: 'retry', error: 'e', delayMs: 1, lowerPriority: true },
  { kind: 'snoozed', delayMs: 1 },
  { kind: 'cancelled', reason: 'r' },
  { kind: 'returned', delayMs: 0 },
  { kind: 'returned', delayMs: 1 },
]

describe('the end of an execution', () => {
  it.each(ENDINGS)('that is $kind takes its job to a status that the table allows', (ending) => {
    const word = STATUS_WORDS[written(ending).status] ?? 'processing'
    expect(canMove('processing', word)).toBe(true)
  })
})
