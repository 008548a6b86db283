import { describe, expect, it } from 'vitest'
import { INPUT_NAMES } from '../../../src/ports/expressions.ts'
import { parseExpression, reportExpression } from '../../../src/expressions/syntax.ts'

function problemOf(source: string): string {
  const parsed = parseExpression(source)
  return parsed.ok ? 'none' : parsed.problem
}

describe('an expression', () => {
  it('that is wrong is told with the place', () => {
    expect(parseExpression('payload.total >')).toMatchObject({ ok: false })
    expect(problemOf('payload.total ) 1')).toMatch(/\(up to character 15 of the expression\)$/)
  })

  it.each(['$eval("1")', '$map(payload.a, $eval)', 'payload ~> $eval', '($e := $eval; $e("1"))'])(
    'with $eval is refused: %s',
    (source) => {
      expect(problemOf(source)).toContain('$eval is not available')
    },
  )

  it.each([
    ['acme', ['acme']],
    ['total > 10 and payload.x', ['total']],
    ['foo ? bar : baz', ['foo', 'bar', 'baz']],
    ['{"a": foo, "b": payload.c}', ['foo']],
    ['$uppercase(name)', ['name']],
    ['($x := foo; $x)', ['foo']],
    ['-foo', ['foo']],
    // These have a context of their own.
    ['payload.lines[sku = q].price', []],
    ['payload.lines.{sku: q}', []],
    ['payload.lines.${sku: q}', []],
    ['$map(payload.lines, function($l){ $l.price })', []],
    ['$.payload.a & $$.headers.b', []],
    ['payload.a.(b & c)', []],
    ['"x" in payload.tags', []],
  ])('%s names at the top what is not there: %j', (source, unknownNames) => {
    expect(reportExpression(source, INPUT_NAMES)).toMatchObject({ unknownNames })
  })
})
