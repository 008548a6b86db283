import { expect, it } from 'vitest'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import type { ClaimedJob, Settlement } from '../../../src/ports/store.ts'
import { createCompletions } from '../../../src/worker/completions.ts'
import { createHeldJobs } from '../../../src/worker/held.ts'
import { createProgressWriter } from '../../../src/worker/progress-writer.ts'
import { createRunner } from '../../../src/worker/run-job.ts'
import { workerContext } from './context.ts'
import { settled } from './manual-clock.ts'

it('a job that was given back while its process stood still does not begin here any more', async () => {
  const ended: Settlement[] = []
  const ran: string[] = []
  const { context: base, leases } = workerContext({
    settle: (settlements) => {
      ended.push(...settlements)
      return Promise.resolve(settlements)
    },
  })
  const handler = defineHandler({ name: 'h', run: ({ job }) => void ran.push(job.id) })
  const context = { ...base, handlers: createRegistry([handler]) }
  const held = createHeldJobs(context, { onTrouble: () => undefined, onReplaced: () => undefined })
  const completions = createCompletions(context)
  const { run } = createRunner(context, {
    held,
    completions,
    progress: createProgressWriter(context),
  })
  const claimed = (jobId: string): ClaimedJob =>
    ({
      jobId,
      epoch: 1,
      handler: 'h',
      queue: 'default',
      payload: null,
      recoveries: 0,
      retryCount: 0,
      maxRetries: null,
      timeoutSeconds: null,
      createdAt: new Date(0),
    }) as ClaimedJob
  const [kept, lost] = held.addAll('default', [claimed('kept'), claimed('lost')], 0)
  leases.returned.add('lost:1')
  await run(kept!, 'worker')
  await run(lost!, 'worker')
  await settled()
  expect(ran).toEqual(['kept'])
  expect(ended.map(({ jobId }) => jobId)).toEqual(['kept'])
  expect(held.size()).toBe(0)
  expect(leases.held.size).toBe(0)
})
