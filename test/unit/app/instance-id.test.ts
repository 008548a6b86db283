import { describe, expect, it } from 'vitest'
import { createInstanceId } from '../../../src/app/instance-id.ts'
import type { Registration } from '../../../src/ports/instances.ts'
import { silentLog, storeErrors } from '../ingest/fake-store.ts'
import { manualClock, settled } from '../worker/manual-clock.ts'

const LEASE_MS = 30_000

/** A table of registrations, as far as one id needs it. */
function setUp(answers: (() => Promise<Registration>)[] = []) {
  const clock = manualClock()
  const seen = { asked: 0, registered: false }
  const id = createInstanceId({
    store: {
      registerInstance: async () => {
        seen.asked += 1
        const answer: Registration = await (answers.shift()?.() ?? { registered: true })
        seen.registered = answer.registered
        return answer
      },
      unregisterInstance: async () => {
        seen.registered = false
      },
    },
    request: { id: 'me', token: 't', leaseMs: LEASE_MS },
    clock,
    log: silentLog,
  })
  return { id, clock, seen }
}

const taken = (expiresInMs: number) => (): Promise<Registration> =>
  Promise.resolve({ registered: false, expiresInMs })

describe('the id of an instance', () => {
  it('is taken at once where nobody has it', async () => {
    const { id, seen } = setUp()
    expect(await id.take()).toBe(true)
    expect(seen).toEqual({ asked: 1, registered: true })
  })

  it('is waited for while its former holder says nothing more', async () => {
    const { id, clock, seen } = setUp([taken(600), taken(350), taken(100)])
    const waiting = id.take()
    await clock.advance(1_000)
    expect(await waiting).toBe(true)
    expect(seen.asked).toBe(4)
  })

  it('is refused when its holder says again that it lives', async () => {
    const { id, clock } = setUp([taken(20_000), taken(19_750), taken(LEASE_MS)])
    const refused = expect(id.take()).rejects.toMatchObject({ code: 'instance_id_taken' })
    await clock.advance(1_000)
    await refused
  })

  it('is asked for again while the database is away', async () => {
    const { id, clock } = setUp([() => Promise.reject(storeErrors.away())])
    const waiting = id.take()
    await clock.advance(300)
    expect(await waiting).toBe(true)
  })

  it('is not left behind by a taking that was under way when it was given back', async () => {
    const answer = Promise.withResolvers<Registration>()
    const { id, seen } = setUp([() => answer.promise])
    const taking = id.take()
    const given = id.giveBack()
    await settled()
    answer.resolve({ registered: true })
    expect(await taking).toBe(false)
    await given
    expect(seen.registered).toBe(false)
  })
})
