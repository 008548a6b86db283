import { expect, it } from 'vitest'
import { newJob } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const deadWalkSuite = storeSuite('the walk along dead letters', (bed) => {
  it('finds all of them, newest first, a bounded part of the table at a time', async () => {
    const jobs = Array.from({ length: 25 }, (_, index) =>
      newJob({
        handler: index % 2 === 0 ? 'even' : 'odd',
        ...(index % 5 === 0 && { dead: { reason: 'why', error: 'what' } }),
      }),
    )
    for (const job of jobs) await bed.store.insertJobs({ jobs: [job], again: false })
    const dead = jobs.filter(({ dead }) => dead !== undefined).toReversed()

    async function walk(limit: number, handler?: string) {
      const steps: (readonly string[])[] = []
      for (let before: string | null = null; ;) {
        const step = await bed.store.walkDead({ before, limit, handler })
        steps.push(step.ids)
        if (step.before === null) return steps
        before = step.before
      }
    }
    expect(await walk(1_000)).toEqual([dead.map(({ id }) => id)])
    const inSteps = await walk(10)
    expect(inSteps.flat()).toEqual(dead.map(({ id }) => id))
    expect(inSteps.map(({ length }) => length)).toEqual([2, 2, 1])
    const odd = dead.filter(({ handler }) => handler === 'odd')
    expect((await walk(7, 'odd')).flat()).toEqual(odd.map(({ id }) => id))
  })

  it('ends at once on an empty table', async () => {
    expect(await bed.store.walkDead({ before: null, limit: 10 })).toEqual({ ids: [], before: null })
  })
})
