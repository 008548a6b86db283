import { expect, test } from 'vitest'
import { createHostCheck } from '../../../src/http/known-host.ts'

test.each(['localhost', 'Localhost', '127.0.0.1', '::1', '[::1]'])(
  'a server on %s goes by the names of loopback alone',
  (listenHost) => {
    const isKnown = createHostCheck({ listenHost, allowedHosts: [] })
    expect(isKnown('localhost:8080')).toBe(true)
    expect(isKnown('evil.example')).toBe(false)
  },
)

test('a server beyond loopback goes by every name until it is told some', () => {
  const listenHost = '0.0.0.0'
  expect(createHostCheck({ listenHost, allowedHosts: [] })('any.example')).toBe(true)
  const isKnown = createHostCheck({ listenHost, allowedHosts: ['Dock.example'] })
  expect(isKnown('dock.example')).toBe(true)
  expect(isKnown('any.example')).toBe(false)
})
