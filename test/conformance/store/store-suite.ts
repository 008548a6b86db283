import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { startOrSkip } from '../../services/require.ts'
import type { Target, TargetDatabase, TargetServer } from './target.ts'

/** What the tests of a suite work with: there from its first hook on. */
export interface Bed {
  readonly store: Store
  readonly database: TargetDatabase
  readonly server: TargetServer
}

/** The tests of one area, for any target. */
export type StoreSuite = (target: Target) => void

/** A suite with a database of its own; every test finds its tables empty. */
export function storeSuite(area: string, define: (bed: Bed) => void): StoreSuite {
  return (target) => {
    describe(`${target.name}: ${area}`, () => {
      let server: TargetServer | undefined
      let database: TargetDatabase | undefined
      let store: Store | undefined

      beforeAll(async () => {
        server = await startOrSkip(target.name, () => target.start())
        database = await server?.openDatabase()
        store = database?.openStore()
      })

      beforeEach(async ({ skip }) => {
        if (database === undefined) return skip(`${target.name} is not available`)
        await database.sql('DELETE FROM job_histories')
        await database.sql('DELETE FROM queue_jobs')
        await database.sql('DELETE FROM jobs')
      })

      afterAll(async () => {
        await store?.close()
        await database?.drop()
      })

      define({
        get store() {
          return there(store)
        },
        get database() {
          return there(database)
        },
        get server() {
          return there(server)
        },
      })
    })
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('only inside of a test')
  return value
}
