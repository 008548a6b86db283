import { expect, test } from 'vitest'
import { healthHandler } from '../../../src/system/health.ts'
import { runHandler } from './handler-run.ts'

test('the result is the report of the instance that runs it', async () => {
  const components = {
    database: { status: 'ok' },
    cache: { status: 'down', detail: 'away' },
  } as const
  const handler = healthHandler({
    health: async () => ({ status: 'degraded', components }),
    instanceId: 'one',
  })
  expect(handler.schedule).toMatchObject({ everySeconds: 300 })
  expect(await runHandler(handler)).toEqual({ instance: 'one', status: 'degraded', components })
})
