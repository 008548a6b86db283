import { expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

it('a handler that still runs when an exception ends its instance has failed an attempt', async () => {
  let runs = 0
  const handler = defineHandler({
    name: 'h',
    run: async () => {
      runs += 1
      await Promise.withResolvers<undefined>().promise
    },
  })
  for (const attempt of [1, 2]) {
    const instance = await harness.start([handler], { graceMs: 50 })
    if (attempt === 1) await harness.insert({ id: 'poison', handler: 'h', maxretries: 1 })
    await until(() => runs === attempt, 'it runs')
    await instance.workers.stop(50, true)
    await instance.stop()
  }
  const job = await harness.untilStatus('poison', STATUS.failed)
  expect(job).toMatchObject({ retrycount: 1, deadreason: 'retries_exhausted' })
  expect(await harness.history('poison')).toHaveLength(2)
})
