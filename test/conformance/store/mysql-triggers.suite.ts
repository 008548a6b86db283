import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { codeOf, count, insert, newJob } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** All that the program needs, and nothing of the server's. */
const ACCOUNTS = {
  'may flush': 'RELOAD ON *.*',
  'may alter': `ALTER, CREATE ON DATABASE.*`,
  'may do neither': undefined,
} as const
const PASSWORD = 'crossdock-test'

/**
 * What MariaDB does with triggers whose reading a killed connection broke off. The moment is too short for a test to
 * meet it, so the file that the server reads is wrong for as long as one table is opened.
 */
export const mysqlTriggersSuite = storeSuite('triggers that the server holds for broken', (bed) => {
  let stores: Store[] = []
  let database = ''
  let file = ''

  beforeEach(async ({ skip }) => {
    if (!bed.server.controllable) return skip('the files of this server are not ours')
    const [row] = await bed.database.sql('SELECT @@datadir AS folder, DATABASE() AS name')
    database = String(row!['name'])
    file = path.join(String(row!['folder']), database, 'queue_jobs.TRG')
  })

  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()))
    stores = []
    await bed.database.sql('FLUSH TABLES queue_jobs')
  })

  /** A store of an account that has these rights on top of those of a running program. */
  async function openAs(
    rights: string | undefined,
    onTriggerRepair: (failure: Error | undefined) => void,
  ): Promise<Store> {
    const user = `limited_${stores.length}_${Math.random().toString(36).slice(2, 10)}`
    await bed.database.sql(`CREATE USER ${user} IDENTIFIED BY '${PASSWORD}'`)
    await bed.database.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${user}`)
    if (rights !== undefined) {
      await bed.database.sql(`GRANT ${rights.replace('DATABASE', database)} TO ${user}`)
    }
    const uri = new URL(bed.database.url)
    uri.username = user
    uri.password = PASSWORD
    const store = createMysqlStore({
      connection: { uri: uri.href },
      handlerConnections: 1,
      idleInTransactionMs: 10_000,
      onConnectionError: () => undefined,
      onTriggerRepair,
    })
    stores.push(store)
    return store
  }

  async function breakTriggers(): Promise<void> {
    const whole = await readFile(file, 'utf8')
    await writeFile(file, whole.replaceAll('SET NEW.statusid', 'SAT NEW.statusid'))
    try {
      await bed.database.sql('FLUSH TABLES queue_jobs')
      await plainInsert().catch(() => undefined)
    } finally {
      await writeFile(file, whole)
    }
  }

  function plainInsert(): Promise<unknown> {
    return bed.database.sql(`INSERT INTO queue_jobs (handler) VALUES ('h')`)
  }

  it('stay broken by themselves, for everybody', async () => {
    await breakTriggers()
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(plainInsert()).rejects.toThrow(/trigger.* has an error in its body/i)
    }
    expect(await count(bed.database, 'queue_jobs')).toBe(0)
  })

  for (const [account, rights] of Object.entries(ACCOUNTS)) {
    it(`look like an outage, and are read anew where the account ${account}`, async () => {
      const told: (Error | undefined)[] = []
      const store = await openAs(rights, (failure) => told.push(failure))
      await store.ping()
      await breakTriggers()
      const insertOne = (): Promise<unknown> => insert(store, newJob())
      expect(await codeOf(insertOne())).toBe('database_unavailable')
      await expect.poll(() => told.length).toBe(1)
      if (rights === undefined) {
        expect(told[0]?.message).toMatch(/denied/)
        expect(await codeOf(insertOne())).toBe('database_unavailable')
        return
      }
      expect(told).toEqual([undefined])
      await insertOne()
      await plainInsert()
      expect(await count(bed.database, 'queue_jobs')).toBe(2)
    })
  }
})
