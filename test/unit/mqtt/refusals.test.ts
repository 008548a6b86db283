import { expect, it } from 'vitest'
import { outboundPacket } from '../../../adapters/mqtt/outbound-packet.ts'
import { mqttPublicationOptions } from '../../../adapters/mqtt/options/publication.ts'
import { refusal } from '../../../adapters/mqtt/refusals.ts'

const coded = (code: number): Error => Object.assign(new Error('Publish error'), { code })

it.each([0x90, 0x95, 0x99])('what nothing can change is refused for good: 0x%s', (code) => {
  expect(refusal(coded(code))).toMatchObject({ outcome: 'refused', permanent: true })
})

it.each([0x80, 0x83, 0x87, 0x97])('what may be allowed later is an attempt: 0x%s', (code) => {
  expect(refusal(coded(code))).toMatchObject({ outcome: 'refused', permanent: false })
})

it('what the library let go of may have arrived', () => {
  expect(refusal(new Error('Connection closed'))).toMatchObject({ outcome: 'unconfirmed' })
})

const OPTIONS = mqttPublicationOptions.parse({ topic: 't' })
const MESSAGE = {
  id: 'job',
  payload: Buffer.from('x'),
  contentType: 'text/plain',
  key: undefined,
  headers: { a: 'b', raw: { base64: 'AAE=' }, 'idempotency-key': 'not mine' },
  target: { topic: 't' },
  attempt: 1,
} as const

it('with MQTT 3.1.1 a packet has neither headers nor an idempotency key', () => {
  const packet = outboundPacket(OPTIONS, MESSAGE, '3.1.1')
  expect(packet).toMatchObject({ ok: true, options: { qos: 1, retain: false } })
  expect(packet).not.toHaveProperty('options.properties')
})

it('with MQTT 5 its idempotency key is the id of the job, whatever the headers say', () => {
  expect(outboundPacket(OPTIONS, MESSAGE, '5')).toMatchObject({
    options: {
      properties: {
        contentType: 'text/plain',
        userProperties: { a: 'b', raw: 'AAE=', 'idempotency-key': 'job' },
      },
    },
  })
})

it('a property that does not fit is said to be the reason', () => {
  const headers = { long: 'x'.repeat(70_000) }
  expect(outboundPacket(OPTIONS, { ...MESSAGE, headers }, '5')).toMatchObject({ ok: false })
})
