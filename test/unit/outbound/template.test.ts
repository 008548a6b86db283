import { describe, expect, it } from 'vitest'
import { parseTemplate } from '../../../src/domain/template.ts'
import { compileTemplates, type TemplateTexts } from '../../../src/outbound/templates.ts'

describe('a template', () => {
  it.each([
    ['plain $ { text }', ['plain $ { text }']],
    ['{{ payload.id }}', [{ expression: 'payload.id' }]],
    ['a/{{id}}/{{ key }}', ['a/', { expression: 'id' }, '/', { expression: 'key' }]],
    ['{{ {"a": {"b": 1}} }}', [{ expression: '{"a": {"b": 1}}' }]],
    ['{{ "}}" & \'}}\' }}!', [{ expression: '"}}" & \'}}\'' }, '!']],
    ['{{ /* }} */ 1 }}', [{ expression: '/* }} */ 1' }]],
    ['{{ "\\"}}" }}', [{ expression: '"\\"}}"' }]],
    ['', []],
  ])('%s is taken apart', (text, parts) => {
    expect(parseTemplate(text)).toEqual({ ok: true, parts })
  })

  it.each(['{{ payload', 'a {{ }', '{{ "}} }}', '{{ }}', '{{ {"a": 1 }}'])('%s is none', (text) => {
    expect(parseTemplate(text)).toMatchObject({ ok: false })
  })
})

describe('the templates of a publication', () => {
  const render = (
    texts: Partial<TemplateTexts>,
    values: readonly unknown[],
  ): ReturnType<ReturnType<typeof compileTemplates>['render']> => {
    const given = values.flatMap((value, index) =>
      value === undefined ? [] : [[String(index), JSON.stringify(value)]],
    )
    const templates = compileTemplates({ headers: {}, target: {}, ...texts })
    return templates.render(Object.fromEntries(given) as Record<string, string>)
  }

  it('name each expression once, and know where it stands', () => {
    const { rules, placeOf } = compileTemplates({
      key: '{{ payload.id }}',
      headers: { a: '{{ payload.id }}', b: 'is {{ key }}' },
      target: { topic: 't', deep: { list: ['{{ id }}', 7] } },
    })
    expect(rules).toEqual({
      map: {
        '0': { expression: 'payload.id' },
        '1': { expression: 'key' },
        '2': { expression: 'id' },
      },
    })
    expect(['0', '1', '2'].map(placeOf)).toEqual(['key', 'headers.b', 'deep.list.0'])
    expect(compileTemplates({ headers: { a: 'b' }, target: {} }).rules).toBeUndefined()
  })

  it('within a list keep lists and null as they are, and leave nothing out but nothing', () => {
    const target = { a: ['{{ x }}', [[1], null], '{{ y }}', '{{ z }}'] }
    expect(render({ target }, [['p', 'q'], null, undefined]).target).toEqual({
      a: [['p', 'q'], [[1], null], null],
    })
  })

  it('that are one whole expression give any JSON, and texts give texts', () => {
    const target = { a: '{{ x }}', b: 'n{{ y }}/{{ y }}', c: { d: '{{ z }}', e: null } }
    expect(render({ target }, [{ x: [1] }, 7, undefined]).target).toEqual({
      a: { x: [1] },
      b: 'n7/7',
      c: { e: null },
    })
  })

  it('leave out a key and a header that give nothing', () => {
    const texts = { key: '{{ a }}', headers: { x: '{{ b }}', y: '{{ c }}', z: 'plain' } }
    expect(render(texts, [undefined, null, true])).toMatchObject({
      key: undefined,
      headers: { y: 'true', z: 'plain' },
    })
    expect(render(texts, [7]).key).toBe('7')
  })

  it.each<[string, Partial<TemplateTexts>, unknown]>([
    ['nothing within a text', { target: { path: '/orders/{{ a }}' } }, undefined],
    ['null within a text', { target: { path: '/orders/{{ a }}' } }, null],
    ['an object within a text', { target: { path: '/orders/{{ a }}' } }, {}],
    ['a target that is not there', { target: { path: '{{ a }}' } }, undefined],
    ['an object for a key', { key: '{{ a }}' }, {}],
    ['an object for a header', { headers: { h: '{{ a }}' } }, { b: 1 }],
    ['a line break in a header', { headers: { h: '{{ a }}' } }, 'a\r\nx-admin: true'],
    ['a line break in a text of a header', { headers: { h: 'v {{ a }}' } }, 'a\nb'],
    ['a NUL in a header', { headers: { h: '{{ a }}' } }, 'a\0'],
  ])('refuse %s', (_what, texts, value) => {
    expect(() => render(texts, [value])).toThrow(
      expect.objectContaining({ code: 'template_failed' }),
    )
  })
})
