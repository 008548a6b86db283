import { expect } from 'vitest'
import { PRESSED_ABOVE } from './adapter-target.ts'
import { messages, prefixOf } from './sent-messages.ts'
import { statusOf, type SuiteRun } from './suite-run.ts'
import { aWhile, until } from './waiting.ts'

/** What a subscription does that takes nothing in: paused by people, or pressed by what waits. */
export function flowCases({ target, when, running }: SuiteRun): void {
  const isOrdered = target.cannot['order of a line'] === undefined

  /** Has the program do this: `pause` or `resume`. */
  async function tell(path: string): Promise<void> {
    const { url } = await running()
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/api/${path}`, { method: 'POST', headers, body: '{}' })
    expect(answer.status).toBe(200)
  }

  when(
    'a pause stores nothing and holds a bounded number; all comes after it',
    async ({ bed, stored }) => {
      await tell(`integrations/${target.prefix}:json/pause`)
      const [taken, acknowledged] = [bed.takenIn(), bed.acknowledged()]
      const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
      const sending = bed.send(sent)
      await until(() => bed.takenIn() - taken >= bed.heldAtMost - 1)
      await aWhile()
      expect(bed.takenIn() - taken).toBeLessThanOrEqual(bed.heldAtMost)
      expect(bed.acknowledged()).toBe(acknowledged)
      expect(await stored.jobsOf(sent)).toBe(0)
      await tell(`integrations/${target.prefix}:json/resume`)
      await sending
      await stored.expectEachOnce(sent)
      if (isOrdered) await stored.expectOrder(sent)
    },
  )

  when(
    'back-pressure takes nothing in until the jobs that wait have run',
    async ({ bed, stored }) => {
      const current = await running()
      await tell('queues/pressed/pause')
      const first = messages(PRESSED_ABOVE + 1)
      const before = bed.acknowledged()
      await bed.send(first, 'pressed')
      await until(() => bed.acknowledged() - before >= first.length)
      await until(async () => {
        const { subscriptions } = await statusOf(current)
        return subscriptions.some(({ closed }) => closed === 'backpressure')
      })
      const [taken, acknowledged] = [bed.takenIn(), bed.acknowledged()]
      const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
      const sending = bed.send(sent, 'pressed')
      await until(() => bed.takenIn() - taken >= bed.heldAtMost - 1)
      await aWhile()
      expect(bed.takenIn() - taken).toBeLessThanOrEqual(bed.heldAtMost)
      expect(bed.acknowledged()).toBe(acknowledged)
      expect(await stored.jobsOf(sent)).toBe(0)
      await tell('queues/pressed/resume')
      await sending
      await stored.expectEachOnce(first)
      await stored.expectEachOnce(sent)
      if (isOrdered) await stored.expectOrder(sent)
    },
  )
}
