import { expect, it } from 'vitest'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'

const first = defineHandler({ name: 'b', run: () => 1 })
const second = defineHandler({ name: 'a', run: () => 2 })

it('finds handlers by name, and lists the names in order', () => {
  const registry = createRegistry([first, second])
  expect(registry.get('a')).toBe(second)
  expect(registry.get('constructor')).toBeUndefined()
  expect(registry.names()).toEqual(['a', 'b'])
})

it('counts the same handler given twice once', () => {
  expect(createRegistry([first, first]).names()).toEqual(['b'])
})

it('refuses two handlers of one name', () => {
  const twin = defineHandler({ name: 'b', run: () => 3 })
  expect(() => createRegistry([first, twin])).toThrow(
    expect.objectContaining({ code: 'handler_duplicate' }),
  )
})
