import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { RepairOutcome } from '../../../src/store/mysql/broken-triggers.ts'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { codeOf, count, insert, newJob } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** All that the program needs, and nothing of the server's. */
const ACCOUNTS = {
  'may flush': 'RELOAD ON *.*',
  'may alter': 'ALTER ON DATABASE.*',
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
    onTriggerRepair: (outcome: RepairOutcome) => void,
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

  /** The server reads wrong triggers from here on; returns what mends the file. */
  async function spoilFile(): Promise<() => Promise<void>> {
    const whole = await readFile(file, 'utf8')
    await writeFile(file, whole.replaceAll('SET NEW.statusid', 'SAT NEW.statusid'))
    return () => writeFile(file, whole)
  }

  async function breakTriggers(): Promise<void> {
    const mend = await spoilFile()
    try {
      await bed.database.sql('FLUSH TABLES queue_jobs')
      await plainInsert().catch(() => undefined)
    } finally {
      await mend()
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
      const told: RepairOutcome[] = []
      const store = await openAs(rights, (outcome) => told.push(outcome))
      await store.ping()
      await breakTriggers()
      const insertOne = (): Promise<unknown> => insert(store, newJob())
      expect(await codeOf(insertOne())).toBe('database_unavailable')
      await expect.poll(() => told.length).toBe(1)
      if (rights === undefined) {
        expect(told).toMatchObject([{ kind: 'denied' }])
        expect(await codeOf(insertOne())).toBe('database_unavailable')
        return
      }
      expect(told).toEqual([{ kind: 'repaired' }])
      await insertOne()
      await plainInsert()
      expect(await count(bed.database, 'queue_jobs')).toBe(2)
    })
  }

  it('that are wrong in truth are not read anew for ever, and somebody is told', async () => {
    const told: RepairOutcome[] = []
    const store = await openAs('RELOAD ON *.*', (outcome) => told.push(outcome))
    await store.ping()
    const mend = await spoilFile()
    try {
      await bed.database.sql('FLUSH TABLES queue_jobs')
      await expect
        .poll(
          async () => {
            expect(await codeOf(insert(store, newJob()))).toBe('database_unavailable')
            return told.at(-1)?.kind
          },
          { timeout: 20_000, interval: 100 },
        )
        .toBe('failed')
      expect(told.length).toBeLessThan(8)
      expect(told.at(-1)).toMatchObject({
        error: { message: expect.stringContaining('has an error in its body') as unknown },
      })
    } finally {
      await mend()
    }
  })
})
