import { describe, expect, it } from 'vitest'
import { LeaseTable } from '../../../src/leases/lease-table.ts'

describe('the table that two threads share', () => {
  it('shows a begin in one thread to the other, with its deadline', () => {
    const main = new LeaseTable()
    const other = new LeaseTable(main.memory)
    const word = main.hold(7)
    expect(other.stateOf(7, word)).toBe('held')
    expect(main.begin(7, word, 1234.5)).toBe(true)
    expect(other.stateOf(7, word)).toBe('begun')
    expect(other.deadlineOf(7)).toBe(1234.5)
  })

  it('shows that a handler has ended, whose end waits to be stored', () => {
    const main = new LeaseTable()
    const other = new LeaseTable(main.memory)
    const word = main.hold(7)
    main.finish(7, word)
    expect(other.stateOf(7, word)).toBe('held')
    main.begin(7, word, 1)
    main.finish(7, word)
    expect(other.stateOf(7, word)).toBe('ending')
    expect(other.takeUnbegun(7, word)).toBe(false)
    main.end(7, word)
    expect(other.stateOf(7, word)).toBe('free')
    const next = main.hold(7)
    main.begin(7, next, 1)
    main.finish(7, word)
    expect(other.stateOf(7, next)).toBe('begun')
  })

  it('lets one of the two have an execution that has not begun, never both', () => {
    const main = new LeaseTable()
    const other = new LeaseTable(main.memory)
    const first = main.hold(0)
    expect(other.takeUnbegun(0, first)).toBe(true)
    expect(main.begin(0, first, 1)).toBe(false)
    main.end(0, first)
    const second = main.hold(0)
    expect(main.begin(0, second, 1)).toBe(true)
    expect(other.takeUnbegun(0, second)).toBe(false)
  })

  it('tells the uses of a slot apart, also after very many', () => {
    const table = new LeaseTable()
    const former = table.hold(3)
    table.end(3, former)
    expect(table.stateOf(3, former)).toBe('free')
    const latter = table.hold(3)
    expect(table.stateOf(3, former)).toBe('free')
    expect(table.takeUnbegun(3, former)).toBe(false)
    expect(table.begin(3, former, 1)).toBe(false)
    expect(table.stateOf(3, latter)).toBe('held')
    // Beyond what the word holds.
    new Int32Array(table.memory.words)[3] = 0x7fffffff & ~3
    const last = table.hold(3)
    table.end(3, last)
    const wrapped = table.hold(3)
    expect(table.stateOf(3, last)).toBe('free')
    expect(table.begin(3, wrapped, 1)).toBe(true)
    expect(table.stateOf(3, wrapped)).toBe('begun')
  })

  it('grows under the eyes of the other thread', () => {
    const main = new LeaseTable()
    const other = new LeaseTable(main.memory)
    const slot = main.size
    main.grow()
    const word = main.hold(slot)
    main.begin(slot, word, 5)
    expect(other.stateOf(slot, word)).toBe('begun')
    expect(other.deadlineOf(slot)).toBe(5)
  })
})
