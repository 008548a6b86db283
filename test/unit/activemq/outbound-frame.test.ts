import { expect, it } from 'vitest'
import { activemqPublicationOptions } from '../../../adapters/activemq/options/publication.ts'
import { frameText, refusal } from '../../../adapters/activemq/error-frame.ts'
import { outboundFrame } from '../../../adapters/activemq/outbound-frame.ts'
import { outbound } from '../../brokers/activemq/started-activemq.ts'
import { frame } from './fake-line.ts'

const options = activemqPublicationOptions.parse({ destination: '/queue/a' })

it('is persistent, and carries the id of its job whatever the headers say', () => {
  const made = outboundFrame(
    'classic',
    options,
    outbound('job-1', { headers: { 'idempotency-key': 'forged', destination: '/queue/b' } }),
  )
  expect(made).toMatchObject({
    ok: true,
    headers: { destination: '/queue/a', persistent: 'true', 'idempotency-key': 'job-1' },
    body: '{"id":"job-1"}',
  })
})

it.each(['Priority', 'Expires', 'JMSExpiration', 'AMQ_SCHEDULED_DELAY', '_AMQ_DUPL_ID', ''])(
  'does not take what the brokers mean by %j from the headers of a job',
  (name) => {
    const made = outboundFrame('artemis', options, outbound('m', { headers: { [name]: '1' } }))
    expect(made.ok && Object.keys(made.headers)).not.toContain(name)
  },
)

it('names a queue of Artemis by its address and its routing', () => {
  expect(outboundFrame('artemis', options, outbound('m'))).toMatchObject({
    headers: { destination: 'a', 'destination-type': 'ANYCAST' },
  })
})

it.each([
  ['application/json', '{}', 'string'],
  ['text/plain; charset=utf-8', 'x', 'string'],
  ['application/soap+xml', '<a/>', 'string'],
  ['application/octet-stream', 'x', 'object'],
  ['application/json', 'a\0b', 'object'],
])('sends %s as what it is', (contentType, payload, type) => {
  const message = outbound('m', { contentType, payload: Buffer.from(payload) })
  const made = outboundFrame('classic', options, message)
  expect(made.ok && typeof made.body).toBe(type)
})

it('refuses what STOMP cannot carry', () => {
  const withReturn = outbound('m', { headers: { note: 'one\r\ntwo' } })
  expect(outboundFrame('classic', options, withReturn)).toMatchObject({ ok: false })
  const nowhere = outbound('m', { target: { destination: ' ' } })
  expect(outboundFrame('classic', options, nowhere)).toMatchObject({ ok: false })
})

it('shows nothing of a message in what the broker says about it', () => {
  const said = frame({
    message:
      'AMQ339011 Error sending message CoreMessage[messageID=1, properties=TypedProperties[token=secret]]@1',
  })
  expect(frameText(said)).toBe('the broker says: AMQ339011 Error sending message')
  expect(refusal(said)).toMatchObject({ outcome: 'refused', permanent: false })
  expect(frameText(frame({}))).toBe('the broker says: ERROR, without a word')
})
