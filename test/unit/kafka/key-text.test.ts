import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { keyBytes, keyText } from '../../../adapters/kafka/key-text.ts'

describe('the key of a record as text', () => {
  it('is none for a record without a key, and empty for an empty one', () => {
    expect(keyText(null)).toBeUndefined()
    expect(keyBytes(undefined)).toBeNull()
    expect(keyText(Buffer.alloc(0))).toBe('')
    expect(keyBytes('')).toEqual(Buffer.alloc(0))
  })

  it('is the text where it is one', () => {
    expect(keyText(Buffer.from('customer 7 ä'))).toBe('customer 7 ä')
    expect(keyText(Buffer.from('\uFEFFbom'))).toBe('\uFEFFbom')
  })

  it('is base64 where it is no text, or one that no column takes', () => {
    expect(keyText(Buffer.from([0xff, 0x01]))).toBe('base64:/wE=')
    expect(keyText(Buffer.from('a\0b'))).toBe('base64:YQBi')
  })

  it.each(['base64:/wE=', 'base64:', 'base64:no base64', 'base64:/wE', 'Base64:/wE='])(
    'gives %j back as it was',
    (text) => {
      const bytes = Buffer.from(text)
      expect(keyBytes(keyText(bytes))).toEqual(bytes)
    },
  )

  it('gives any bytes back', () => {
    for (let length = 0; length < 300; length += 1) {
      const bytes = randomBytes(length)
      expect(keyBytes(keyText(bytes))).toEqual(bytes)
    }
  })

  it('takes what only looks like base64 for a text', () => {
    expect(keyBytes('base64:no base64')).toEqual(Buffer.from('base64:no base64'))
  })
})
