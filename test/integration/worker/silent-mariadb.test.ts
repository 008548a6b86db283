import { describe, expect, it } from 'vitest'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { useMariadbWorkers } from './mariadb-harness.ts'
import { behindProxy, expectNoticed, failure, NOTICED_MS, SETTINGS } from './silence.ts'

describe('a server that falls silent with its connections open is out of reach within seconds', () => {
  describe('MariaDB', () => {
    const harness = useMariadbWorkers()

    it('behind a network that swallows everything', { timeout: 40_000 }, async () => {
      const { proxy, store } = await behindProxy(new URL(harness.database.url), (uri) =>
        createMysqlStore({ ...SETTINGS, connection: { uri } }),
      )
      await expectNoticed(proxy, store)
    })

    it('and a statement that takes too long is broken off by the server', async () => {
      const { store } = await behindProxy(new URL(harness.database.url), (uri) =>
        createMysqlStore({ ...SETTINGS, connection: { uri } }),
      )
      const id = await harness.insert({ handler: 'h' })
      await harness.query('RENAME TABLE queue_jobs TO put_aside')
      await harness.query('CREATE VIEW queue_jobs AS SELECT * FROM put_aside WHERE SLEEP(60) = 0')
      const { error, tookMs } = await failure(store.findJob(id))
      expect(error).toMatchObject({ code: 'database_locked', details: { errno: 1969 } })
      expect(tookMs).toBeLessThan(NOTICED_MS)
    })
  })
})
