import { expect, it } from 'vitest'
import { destinationOf } from '../../../adapters/activemq/destination.ts'
import { isBrokerAddress, brokerAddress } from '../../../adapters/activemq/broker-address.ts'

it.each([
  ['classic', '/queue/a', undefined, { name: '/queue/a', routing: undefined, isTopic: false }],
  ['classic', '/topic/a', undefined, { name: '/topic/a', routing: undefined, isTopic: true }],
  ['artemis', '/queue/a', undefined, { name: 'a', routing: 'ANYCAST', isTopic: false }],
  ['artemis', '/topic/a', undefined, { name: 'a', routing: 'MULTICAST', isTopic: true }],
  ['artemis', 'a::b', undefined, { name: 'a::b', routing: undefined, isTopic: false }],
  ['artemis', '/queue/a', 'anycast', { name: '/queue/a', routing: 'ANYCAST', isTopic: false }],
  ['artemis', 'a', 'multicast', { name: 'a', routing: 'MULTICAST', isTopic: true }],
] as const)('tells %s of %s with routing %s', (broker, text, routing, expected) => {
  expect(destinationOf(broker, text, routing)).toEqual(expected)
})

it.each([
  ['stomp://h', { kind: 'stream', host: 'h', port: 61_613, tls: false }],
  ['stomp+ssl://h', { kind: 'stream', host: 'h', port: 61_612, tls: true }],
  ['stomp://[::1]:7', { kind: 'stream', host: '::1', port: 7, tls: false }],
  ['wss://h:9/stomp', { kind: 'websocket', host: 'h', url: 'wss://h:9/stomp' }],
])('takes the address %s apart', (text, expected) => {
  expect(isBrokerAddress(text)).toBe(true)
  expect(brokerAddress(text)).toEqual(expected)
})

it.each(['tcp://h:1', 'stomp://ada:secret@h', 'nonsense', 'stomp://'])(
  'takes no address like %s',
  (text) => {
    expect(isBrokerAddress(text)).toBe(false)
  },
)
