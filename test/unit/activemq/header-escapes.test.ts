import { expect, it } from 'vitest'
import {
  escapeHeader,
  escapeHeaders,
  unescapeHeader,
  unescapeHeaders,
} from '../../../adapters/activemq/header-escapes.ts'

it.each([
  ['a:b', 'a\\cb'],
  ['C:\\new', 'C\\c\\\\new'],
  ['one\ntwo', 'one\\ntwo'],
  ['\\n', '\\\\n'],
  ['plain "ä"', 'plain "ä"'],
])('writes %j so that it is read again', (text, written) => {
  expect(escapeHeader(text)).toBe(written)
  expect(unescapeHeader(written)).toBe(text)
})

it('leaves an escape that is none', () => {
  expect(unescapeHeader('a\\tb\\')).toBe('a\\tb\\')
})

it('does so in names as well', () => {
  const written = escapeHeaders({ 'na:me': 'v:1' })
  expect(written).toEqual({ 'na\\cme': 'v\\c1' })
  expect(unescapeHeaders(written)).toEqual(new Map([['na:me', 'v:1']]))
})
