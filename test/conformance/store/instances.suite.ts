import { beforeEach, expect, it } from 'vitest'
import { storeSuite } from './store-suite.ts'

const LEASE_MS = 60_000

export const instancesSuite = storeSuite('instances', (bed) => {
  beforeEach(async () => {
    await bed.database.sql('DELETE FROM crossdock_instances')
  })

  const register = (id: string, token: string, leaseMs = LEASE_MS) =>
    bed.store.registerInstance({ id, token, leaseMs })

  it('have an id each: the second to ask for one is told until when it is taken', async () => {
    expect(await register('one', 'first')).toEqual({ registered: true })
    const answer = await register('one', 'second')
    expect(answer).toMatchObject({ registered: false })
    const { expiresInMs } = answer as { expiresInMs: number }
    expect(expiresInMs).toBeGreaterThan(LEASE_MS - 10_000)
    expect(expiresInMs).toBeLessThanOrEqual(LEASE_MS)
    expect(await register('ONE', 'second')).toEqual({ registered: true })
    expect(await register('one ', 'third')).toEqual({ registered: true })
  })

  it('keep their ids by saying again that they live, from the first day on', async () => {
    await register('one', 'first', 1_000)
    const [before] = await bed.database.sql('SELECT startedon, expiresat FROM crossdock_instances')
    expect(await register('one', 'first')).toEqual({ registered: true })
    const [after] = await bed.database.sql('SELECT startedon, expiresat FROM crossdock_instances')
    expect(after?.['startedon']).toEqual(before?.['startedon'])
    expect(Number(after?.['expiresat'])).toBeGreaterThan(Number(before?.['expiresat']) + 50_000)
  })

  it('lose an id that they have not claimed again in time, and learn of it', async () => {
    await register('one', 'first', 0)
    expect(await register('one', 'second')).toEqual({ registered: true })
    expect(await register('one', 'first')).toMatchObject({ registered: false })
    const [row] = await bed.database.sql('SELECT token FROM crossdock_instances')
    expect(row).toEqual({ token: 'second' })
  })

  it('that ask for an id at once get it once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => register('one', `token-${index}`)),
    )
    expect(answers.filter(({ registered }) => registered)).toHaveLength(1)
  })

  it('give back their own id, and nobody else’s; those that died long ago are forgotten', async () => {
    await register('one', 'first')
    await register('dead', 'dead', -90_000_000)
    await bed.store.unregisterInstance({ id: 'one', token: 'second' })
    expect(await register('one', 'second')).toMatchObject({ registered: false })
    await bed.store.unregisterInstance({ id: 'one', token: 'first' })
    expect(await bed.database.sql('SELECT id FROM crossdock_instances')).toEqual([])
  })
})
