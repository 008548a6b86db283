import { describe, expect, it } from 'vitest'
import { createContentionGuard, type Contention } from '../../../src/store/contention.ts'

/** Work that meets these one after the other, and then succeeds. */
function meeting(...met: readonly string[]): { work: () => Promise<string>; runs: () => number } {
  let runs = 0
  return {
    runs: () => runs,
    work: async () => {
      runs += 1
      const error = met[runs - 1]
      if (error !== undefined) throw new Error(error)
      return 'done'
    },
  }
}

const KNOWN: readonly string[] = ['deadlock', 'serialization_failure', 'lock_timeout']

function newGuard() {
  return createContentionGuard((error) => {
    const message = error instanceof Error ? error.message : ''
    return KNOWN.includes(message) ? (message as Contention) : undefined
  })
}

describe('what the server breaks off for rows that somebody else holds', () => {
  it('is made again after a deadlock or a serialization failure, each counted', async () => {
    const guard = newGuard()
    const { work, runs } = meeting('deadlock', 'serialization_failure', 'deadlock')
    expect(await guard.repeated(work)).toBe('done')
    expect(runs()).toBe(4)
    expect(guard.statistics()).toEqual({
      deadlocksRetried: 2,
      serializationFailures: 1,
      lockTimeouts: 0,
    })
  })

  it('is told after eight repeats', async () => {
    const guard = newGuard()
    const { work, runs } = meeting(...Array<string>(20).fill('deadlock'))
    await expect(guard.repeated(work)).rejects.toThrow('deadlock')
    expect(runs()).toBe(9)
    expect(guard.statistics().deadlocksRetried).toBe(8)
  })

  it('is told at once where it waited for a lock, or met anything else', async () => {
    const guard = newGuard()
    const locked = meeting('lock_timeout')
    await expect(guard.repeated(locked.work)).rejects.toThrow('lock_timeout')
    const other = meeting('out of reach')
    await expect(guard.repeated(other.work)).rejects.toThrow('out of reach')
    expect([locked.runs(), other.runs()]).toEqual([1, 1])
    expect(guard.statistics()).toEqual({
      deadlocksRetried: 0,
      serializationFailures: 0,
      lockTimeouts: 1,
    })
  })
})
