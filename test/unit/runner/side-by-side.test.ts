import { expect, test } from 'vitest'
import { runSideBySide } from '../../runner/side-by-side.ts'

/** Tasks that end when they are told to, and what has begun so far. */
function setUp(places: readonly number[]) {
  const begun: number[] = []
  const ends = places.map(() => Promise.withResolvers<void>())
  const tasks = places.map((count, index) => ({
    places: count,
    run: async () => {
      begun.push(index)
      await ends[index]?.promise
      return index
    },
  }))
  const end = async (index: number): Promise<void> => {
    ends[index]?.resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { tasks, begun, end }
}

test('tasks begin in order as places allow; a small one goes before a large one that waits', async () => {
  const { tasks, begun, end } = setUp([3, 3, 2, 9])
  const results = runSideBySide(tasks, 5, () => false)
  expect(begun).toEqual([0, 2])
  await end(2)
  expect(begun).toEqual([0, 2])
  await end(0)
  expect(begun).toEqual([0, 2, 1])
  await end(1)
  // More than there are places for: alone.
  expect(begun).toEqual([0, 2, 1, 3])
  await end(3)
  expect(await results).toEqual([0, 1, 2, 3])
})

test('nothing begins once it is over, and what runs is waited for', async () => {
  const { tasks, begun, end } = setUp([2, 2])
  let isOver = false
  const results = runSideBySide(tasks, 2, () => isOver)
  isOver = true
  await end(0)
  expect(await results).toEqual([0])
  expect(begun).toEqual([0])
})
