import { expect, it } from 'vitest'
import { httpConnectionOptions } from '../../../../adapters/http/connection-options.ts'
import { createPublisher } from '../../../../adapters/http/outbound/publisher.ts'

it('messages of a publication that it does not have never left', async () => {
  const connection = httpConnectionOptions.parse({ base_url: 'http://127.0.0.1:9' })
  const publisher = createPublisher(connection, [])
  const message = {
    id: 'job',
    payload: new Uint8Array(),
    contentType: undefined,
    key: undefined,
    headers: {},
    target: {},
    attempt: 1,
  }
  const { signal } = new AbortController()
  expect(await publisher.publish('gone', [message, message], signal)).toEqual(
    Array.from({ length: 2 }, () => ({
      outcome: 'unsent',
      error: 'there is no publication gone here',
    })),
  )
  await publisher.stop()
})
