import { describe, it } from 'vitest'
import { createPostgresqlStore } from '../../../src/store/postgresql/index.ts'
import { useWorkers } from './harness.ts'
import { behindProxy, expectNoticed, SETTINGS } from './silence.ts'

describe('a server that falls silent with its connections open is out of reach within seconds', () => {
  describe('PostgreSQL', () => {
    const harness = useWorkers()

    it('behind a network that swallows everything', { timeout: 40_000 }, async ({ skip }) => {
      const url = new URL(harness.url)
      if (url.hostname === '') return skip('the server listens on a socket alone')
      const { proxy, store } = await behindProxy(url, (connectionString) =>
        createPostgresqlStore({ ...SETTINGS, schema: 'public', connection: { connectionString } }),
      )
      await expectNoticed(proxy, store)
    })
  })
})
