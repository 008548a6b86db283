import { describe, expect, it } from 'vitest'
import { inboxKey, targetInboxKey } from '../../../src/ingest/inbox-key.ts'

describe('the inbox key', () => {
  it('is the subscription and the identity, as they are', () => {
    expect(inboxKey('orders', 'anonymous/42')).toBe('orders:anonymous/42')
  })

  it('is hashed above 200 bytes, not characters', () => {
    expect(inboxKey('s', 'x'.repeat(198))).toBe(`s:${'x'.repeat(198)}`)
    expect(inboxKey('s', 'x'.repeat(199))).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(inboxKey('s', 'ü'.repeat(99))).toBe(`s:${'ü'.repeat(99)}`)
    expect(inboxKey('s', `ü${'ü'.repeat(99)}`)).toMatch(/^sha256:/)
  })

  it('is hashed where a database would compare it with less than it is', () => {
    expect(inboxKey('s', 'key ')).toMatch(/^sha256:/)
    expect(inboxKey('s', 'a\0b')).toMatch(/^sha256:/)
    expect(inboxKey('s', 'key ')).not.toBe(inboxKey('s', 'key  '))
    expect(inboxKey('s', 'ke y')).toBe('s:ke y')
  })

  it('of a target is no identity’s, however long', () => {
    const far = { protocol: 'http', publication: 'far' } as const
    expect(targetInboxKey('s', '1', far)).toBe('s:1>http:far')
    for (const identity of ['1', 'x'.repeat(300)]) {
      const ofTarget = targetInboxKey('s', identity, far)
      expect(ofTarget).not.toBe(inboxKey('s', `${identity}>http:far`))
      expect(ofTarget).toBe(targetInboxKey('s', identity, far))
      expect(Buffer.byteLength(ofTarget)).toBeLessThanOrEqual(200)
    }
  })

  it('of the same message is always the same', () => {
    expect(inboxKey('s', 'x'.repeat(300))).toBe(inboxKey('s', 'x'.repeat(300)))
    expect(inboxKey('s', 'x'.repeat(300))).not.toBe(inboxKey('t', 'x'.repeat(300)))
  })
})
