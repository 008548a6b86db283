import { expect } from 'vitest'
import type { AdapterBed } from './adapter-target.ts'
import { messages } from './sent-messages.ts'
import type { SuiteRun } from './suite-run.ts'
import { aWhile, until } from './waiting.ts'

const NOT_OURS = 'the broker is not ours to stop'

/** What is kept when something breaks or ends: the program, a connection, the database, the broker. */
export function outageCases({ when, run, running, untilTaking }: SuiteRun): void {
  when(
    'a crash between the commit and the acknowledgement makes no second job',
    async ({ bed, stored }) => {
      const current = await running()
      const sent = messages()
      bed.holdAcknowledgements()
      const before = bed.acknowledged()
      const sending = bed.send(sent)
      await until(async () => (await stored.jobsOf(sent)) >= Math.min(sent.length, 20))
      await current.kill()
      bed.cut()
      await run()
      await sending
      await stored.expectEachOnce(sent)
      await until(() => bed.acknowledged() - before >= sent.length)
    },
  )

  when('a connection that is cut loses and doubles nothing', async ({ bed, stored }) => {
    const sent = messages()
    const sending = bed.send(sent)
    await until(async () => (await stored.jobsOf(sent)) > 0)
    bed.cut()
    await sending
    await stored.expectEachOnce(sent)
  })

  when(
    'with the database away nothing is acknowledged, and all goes on once it is back',
    async ({ bed, database, stored, skip }) => {
      if (!database.controllable) return skip('the database server is not ours to stop')
      const current = await running()
      // What a former case has cut is sent again before this one, and is acknowledged without a database.
      await untilTaking(current)
      const last = messages(1)
      await bed.send(last)
      await stored.expectEachOnce(last)
      // Its row is there before its acknowledgement, and its job may have run by then.
      await untilQuiet(bed)
      await database.kill()
      // A server whose first process is killed may commit for a moment still.
      await until(async () => (await fetch(`${current.url}/health`)).status === 503)
      const before = bed.acknowledged()
      const sent = messages()
      const sending = bed.send(sent)
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      expect(bed.acknowledged()).toBe(before)
      await database.restart()
      await sending
      await stored.expectEachOnce(sent)
      expect(current.isRunning()).toBe(true)
    },
  )

  when('a shutdown under load loses and doubles nothing', async ({ bed, stored }) => {
    const current = await running()
    const sent = messages()
    const sending = bed.send(sent)
    await until(async () => (await stored.jobsOf(sent)) > 0)
    expect((await current.stop()).code).toBe(0)
    await run()
    await sending
    await stored.expectEachOnce(sent)
  })

  when(
    'a broker that starts again has its messages taken',
    async ({ bed, stored, skip }) => {
      if (bed.restartBroker === undefined) return skip(NOT_OURS)
      await running()
      const sent = messages()
      const sending = bed.send(sent)
      await until(async () => (await stored.jobsOf(sent)) > 0)
      await bed.restartBroker()
      await sending
      await stored.expectEachOnce(sent)
    },
    'broker restarted',
  )

  when(
    'a broker that is not there at the start is waited for',
    async ({ bed, stored, skip }) => {
      if (bed.killBroker === undefined || bed.restartBroker === undefined) return skip(NOT_OURS)
      const current = await running()
      expect((await current.stop()).code).toBe(0)
      await bed.killBroker()
      await run()
      await bed.restartBroker()
      const sent = messages(20)
      await bed.send(sent)
      await stored.expectEachOnce(sent)
    },
    'broker down at start',
  )
}

/** Everything that is stored is acknowledged. */
async function untilQuiet(bed: AdapterBed): Promise<void> {
  let before = -1
  await until(async () => {
    const now = bed.acknowledged()
    const isQuiet = now === before
    before = now
    await aWhile()
    return isQuiet
  })
}
