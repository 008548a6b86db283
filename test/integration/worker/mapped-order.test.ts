import { afterEach, describe, expect, it } from 'vitest'
import { startCrossdock, type CrossdockInstance } from '../../../src/app.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createDatabase } from '../../services/database.ts'
import { createMariadbDatabase } from '../../services/mariadb.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedMariadb, sharedPostgresql } from '../../services/shared-servers.ts'
import { until } from './harness.ts'
import { recordingLog } from './recording-log.ts'

/** An empty database; `undefined` where the server cannot be had. */
const DATABASES = {
  PostgreSQL: async () => {
    const service = await startOrSkip('postgresql', sharedPostgresql)
    return service && (await createDatabase(service)).url
  },
  MariaDB: async () => {
    const service = await startOrSkip('mariadb', sharedMariadb)
    return service && (await createMariadbDatabase(service))
  },
}

let instance: CrossdockInstance | undefined

afterEach(async () => {
  await instance?.shutdown()
  instance = undefined
})

describe('messages with a mapped ordering key', () => {
  it.for(Object.entries(DATABASES))(
    'run one at a time and in order within their key, on %s',
    async ([name, open], { skip }) => {
      const url = await open()
      if (url === undefined) return skip(`${name} is not available`)
      const begun: string[] = []
      const ends = new Map<string, () => void>()
      const holding = defineHandler({
        name: 'holding',
        run: async ({ input }) => {
          const { id } = input as { readonly id: string }
          const { promise, resolve } = Promise.withResolvers<void>()
          begun.push(id)
          ends.set(id, resolve)
          await promise
        },
      })
      instance = await startCrossdock({
        config: {
          database: { url },
          jobs: { workers: 4, handlers: [], poll_interval: '100ms' },
          integrations: {
            http: {
              subscriptions: [
                {
                  name: 'orders',
                  path: '/in/orders',
                  handler: 'holding',
                  map: { ordering_key: 'payload.customer', priority: 'payload.priority' },
                },
              ],
            },
          },
        },
        handlers: [holding],
        port: 0,
        log: recordingLog(),
      })
      const send = async (message: object): Promise<string> => {
        const answer = await fetch(`${instance!.url!}/in/orders`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(message),
        })
        expect(answer.status).toBe(202)
        return ((await answer.json()) as { readonly id: string }).id
      }

      await send({ id: 'first', customer: 7 })
      await until(() => begun.includes('first'), 'the first one')
      // The same key as a text, more urgent, and all the same behind.
      const second = await send({ id: 'second', customer: '7', priority: 9 })
      await send({ id: 'third', customer: 7, priority: 9 })
      await send({ id: 'other', customer: 8 })
      await send({ id: 'without a key' })
      await until(() => begun.length === 3, 'those that wait for nobody')
      expect(begun.toSorted()).toEqual(['first', 'other', 'without a key'])
      const waiting = await fetch(`${instance.url!}/api/jobs/${second}`)
      expect(await waiting.json()).toMatchObject({ status: 'queued' })
      ends.get('first')?.()
      await until(() => begun.includes('second'), 'the second one')
      expect(begun).toHaveLength(4)
      ends.get('second')?.()
      await until(() => begun.includes('third'), 'the third one')
      for (const end of ends.values()) end()
    },
  )
})
