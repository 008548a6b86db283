import { expect, it } from 'vitest'
import { Call } from '../../../adapters/signalr/call-protocol.ts'
import { openIntake } from '../../../adapters/signalr/intake.ts'
import { signalrSubscriptionOptions } from '../../../adapters/signalr/options/subscription.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

it('an event that JSON cannot say is lost and counted, and told to a hub that waits', async () => {
  const intake = openIntake({
    ...adapterTools({
      deliver: async (messages) => messages.map(() => ({ outcome: 'stored', jobId: 'j' })),
    }),
    subscription: {
      name: 's',
      contentType: 'json',
      options: signalrSubscriptionOptions.parse({ event: 'e' }),
      flow: OPEN_FLOW,
    },
    log: silentLog,
  })
  let deep: unknown = 1
  for (let depth = 0; depth < 200_000; depth += 1) deep = [deep]
  const call = (isAwaited: boolean, arg: unknown): Call =>
    new Call({ target: 'e', args: [arg], headers: {}, isAwaited })
  intake.take(call(false, deep))
  expect(intake.lost()).toBe(1)
  await expect(intake.answer(call(true, deep))).rejects.toThrow()
  expect(await intake.answer(call(true, 1))).toBe('j')
  await intake.finish()
  expect(intake.lost()).toBe(1)
})
