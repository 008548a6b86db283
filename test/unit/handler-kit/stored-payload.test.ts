import { describe, expect, it } from 'vitest'
import { decodePayload } from '../../../src/handler-kit/stored-payload.ts'

function decode(payload: string | null, contentType?: string | null, payloadEncoding?: string) {
  return decodePayload({
    payload,
    contentType: contentType ?? null,
    payloadEncoding: payloadEncoding ?? null,
  })
}

function base64(bytes: string | readonly number[]): string {
  return Buffer.from(bytes as string).toString('base64')
}

describe('decodePayload', () => {
  it.each([
    ['no payload', decode(null), undefined],
    ['no payload of a text', decode(null, 'text/plain'), undefined],
    ['an empty JSON payload', decode(''), undefined],
    ['an empty text', decode('', 'text/plain'), ''],
    ['JSON without a content type', decode('{"a":[1]}'), { a: [1] }],
    ['JSON null', decode('null'), null],
    ['JSON by its content type', decode('1', 'Application/JSON; charset=utf-8'), 1],
    ['JSON by its suffix', decode('true', 'application/cloudevents+json'), true],
    ['JSON behind a byte order mark', decode('\uFEFF{}'), {}],
    ['text', decode('{"a":1}', 'text/plain'), '{"a":1}'],
    ['any other type as stored', decode('<a/>', 'application/xml'), '<a/>'],
    ['JSON in base64', decode(base64('{"a":"ü"}'), 'application/json', 'base64'), { a: 'ü' }],
    ['text in base64', decode(base64('ü'), 'text/csv', 'base64'), 'ü'],
    [
      'text in another charset',
      decode(base64([0xfc]), 'text/csv; charset="iso-8859-1"', 'base64'),
      'ü',
    ],
    ['bytes', decode('AP8=', 'application/octet-stream', 'base64'), Buffer.from([0, 255])],
    ['bytes without a content type', decode('AP8=', null, 'base64'), Buffer.from([0, 255])],
    ['base64 with line breaks', decode('AP\n8=\n', null, 'base64'), Buffer.from([0, 255])],
  ])('takes %s', (_what, decoded, value) => {
    expect(decoded).toEqual({ ok: true, value })
  })

  it.each([
    ['broken JSON', decode('{"secret": nope}'), /not valid JSON/],
    ['a cut JSON', decode('{"a":'), /not valid JSON/],
    ['an unknown encoding', decode('x', null, 'gzip'), /"gzip"/],
    ['broken base64', decode('§§', null, 'base64'), /base64/],
    ['an unknown charset', decode('AA==', 'text/plain; charset=klingon', 'base64'), /"klingon"/],
    ['bytes that are no UTF-8', decode(base64([0xff]), 'application/json', 'base64'), /utf-8/],
  ])('refuses %s', (_what, decoded, problem) => {
    expect(decoded).toEqual({ ok: false, problem: expect.stringMatching(problem) as unknown })
  })

  it('does not quote the payload in a problem', () => {
    expect(JSON.stringify(decode('{"secret": nope}'))).not.toContain('secret')
  })
})
