import { expect, it } from 'vitest'
import { createPublication } from '../../../src/outbound/publication.ts'
import { compileTemplates } from '../../../src/outbound/templates.ts'
import type { HandlerContext } from '../../../src/ports/handler.ts'
import type { MappingResult } from '../../../src/ports/expressions.ts'
import { silentLog } from '../ingest/fake-store.ts'
import { manualClock } from '../worker/manual-clock.ts'

it('a template that fails in a foreign queue gives the one try of the breaker back, and says so', async () => {
  const clock = manualClock()
  let answer: MappingResult = { outcome: 'mapped', values: { 0: '"k"' } }
  const publication = createPublication(
    {
      address: 'kafka:orders',
      timeoutMs: 5_000,
      breaker: { failures: 1, openMs: 1_000 },
      templates: compileTemplates({ key: '{{ payload.id }}', headers: {}, target: {} }),
      maxMessages: 1,
    },
    { evaluate: async () => [answer], clock, log: silentLog },
  )
  publication.bind(async (messages) =>
    messages.map(() => ({ outcome: 'refused', error: 'no', permanent: false })),
  )
  publication.connected(true)
  const job = { id: '1', queue: 'mine', headers: {}, metadata: {}, createdAt: new Date(0) }
  const input = { payload: '{}', contentType: null, payloadEncoding: null }
  const { signal } = new AbortController()
  const context = { input, job, signal } as unknown as HandlerContext<unknown>
  const run = async (): Promise<unknown> => await publication.handler.run(context)

  const failed = run().catch((error: unknown) => error)
  await clock.advance(0)
  expect(await failed).toMatchObject({ code: 'publication_failed' })
  expect(publication.gate.room()).toBe(0)
  await clock.advance(1_000)

  const rooms: number[] = []
  publication.gate.onChange(() => rooms.push(publication.gate.room()))
  answer = { outcome: 'invalid', reason: 'mapping_failed', problems: [] }
  await expect(run()).rejects.toMatchObject({ code: 'template_failed' })
  expect(rooms).toEqual([1])
})
