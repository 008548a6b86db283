import { expect, it } from 'vitest'
import { createCompletions } from '../../../src/worker/completions.ts'
import type { ClaimedJob, Settlement } from '../../../src/ports/store.ts'
import { storeErrors } from '../ingest/fake-store.ts'
import { workerContext } from './context.ts'

const JOB = { jobId: 'a', epoch: 1, queue: 'q' } as ClaimedJob
const settled = (kind: 'failed' | 'completed'): Settlement => ({
  jobId: 'a',
  epoch: 1,
  durationMs: 1,
  retryAttempt: 0,
  executedBy: 'me',
  ending:
    kind === 'failed' ? { kind, error: 'e', deadReason: 'permanent' } : { kind, result: null },
})

/** Completions on a store that answers `answer`, with a copy for each job that fails for good. */
function setUp(answer: (settlements: readonly Settlement[]) => void = () => undefined) {
  const seen: Settlement[] = []
  const { context, wakeUps } = workerContext({
    settle: async (settlements) => {
      seen.push(...settlements)
      answer(settlements)
      return settlements.map(({ jobId, epoch }) => ({ jobId, epoch }))
    },
  })
  const completions = createCompletions({
    ...context,
    copiesOf: ({ id }, { deadReason }) => [
      { id: `copy of ${id}, ${deadReason}`, handler: 'outbound.publish', queue: 'kafka:dead' },
    ],
  })
  return { completions, seen, wakeUps }
}

it('a failure for good takes its copies along, and wakes who sends them', async () => {
  const { completions, seen, wakeUps } = setUp()
  completions.add(settled('failed'), () => undefined, JOB)
  await completions.idle()
  expect(seen).toMatchObject([{ jobs: [{ id: 'copy of a, permanent' }] }])
  expect(wakeUps.woken).toEqual([['kafka:dead']])
})

it('no other end does', async () => {
  const { completions, seen } = setUp()
  completions.add(settled('completed'), () => undefined, JOB)
  completions.add(settled('failed'), () => undefined)
  await completions.idle()
  expect(seen.map(({ jobs }) => jobs)).toEqual([undefined, undefined])
})

it('an end that could not be stored as it was has its copies, or goes without them', async () => {
  const { completions, seen } = setUp(([settlement]) => {
    if (settlement?.ending.kind === 'completed' || settlement?.jobs !== undefined) {
      throw storeErrors.data()
    }
  })
  completions.add(settled('completed'), () => undefined, JOB)
  await completions.idle()
  expect(seen.map(({ ending, jobs }) => [ending.kind, jobs?.[0]?.id])).toEqual([
    ['completed', undefined],
    ['failed', 'copy of a, not_storable'],
    ['failed', undefined],
  ])
})
