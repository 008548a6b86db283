import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/ports/store.ts'
import { newLine, nextStart, noteClaim, type Line } from '../../../src/worker/line.ts'

interface Place {
  readonly rank: number
  readonly seq: number
}

/** A queue's ready jobs, claimed as the store does it. */
function queueOf(places: readonly Place[]) {
  let ready = [...places].sort((a, b) => a.rank - b.rank || a.seq - b.seq)
  return {
    add: (place: Place) => {
      ready = [...ready, place].sort((a, b) => a.rank - b.rank || a.seq - b.seq)
    },
    size: () => ready.length,
    /** One claim of a line at a time of the clock. */
    claim: (line: Line, limit: number, now: number) => {
      const start = nextStart(line, now)
      const behind = (place: Place): boolean => {
        const { after } = start
        if (after === null) return true
        if (place.rank !== after.rank) return place.rank > after.rank
        return BigInt(place.seq) > BigInt(after.seq)
      }
      const taken = ready.filter(behind).slice(0, limit)
      ready = ready.filter((place) => !taken.includes(place))
      noteClaim(
        line,
        start,
        limit,
        taken.map(({ rank, seq }) => ({ rank, seq: String(seq) }) as ClaimedJob),
      )
      return { start, taken }
    },
  }
}

const places = (count: number, rank = 0): Place[] =>
  Array.from({ length: count }, (_, index) => ({ rank, seq: index + 1 }))

describe('the claims of a queue', () => {
  it('walk on from where the last one ended', () => {
    const line = newLine('q')
    const queue = queueOf(places(5))
    expect(queue.claim(line, 2, 0).start.after).toBeNull()
    expect(queue.claim(line, 2, 1).start.after).toEqual({ rank: 0, seq: '2' })
    expect(line.hungry).toBe(true)
    // Short: it looks at the front once more before it sleeps.
    expect(queue.claim(line, 2, 2)).toMatchObject({
      start: { after: { rank: 0, seq: '4' } },
      taken: [{ seq: 5 }],
    })
    expect(line.hungry).toBe(true)
    expect(queue.claim(line, 2, 3)).toMatchObject({ start: { after: null }, taken: [] })
    expect(line.hungry).toBe(false)
  })

  it('sleep after one that came back short from the front', () => {
    const line = newLine('q')
    queueOf(places(1)).claim(line, 2, 0)
    expect(line.hungry).toBe(false)
  })

  it('look at the front again every second, where late commits stand', () => {
    const line = newLine('q')
    const queue = queueOf(places(100).slice(1))
    queue.claim(line, 5, 0)
    queue.add({ rank: 0, seq: 1 })
    expect(queue.claim(line, 5, 900).taken[0]).toMatchObject({ seq: 7 })
    expect(queue.claim(line, 5, 1_001)).toMatchObject({ start: { after: null } })
    expect(queue.claim(line, 5, 1_100).start.after).not.toBeNull()
    expect(queue.claim(line, 5, 2_002).start.after).toBeNull()
  })

  it('find what was committed late before they sleep', () => {
    const line = newLine('q')
    const queue = queueOf(places(10).slice(5))
    queue.claim(line, 5, 0)
    queue.add({ rank: 0, seq: 1 })
    for (let turn = 1; line.hungry && turn < 10; turn += 1) queue.claim(line, 5, turn)
    expect(queue.size()).toBe(0)
  })

  it('give lower priorities their turn one time in ten, each of them', () => {
    const line = newLine('q')
    const queue = queueOf([{ rank: 5, seq: 1 }])
    const low: number[] = []
    let seq = 10
    for (let turn = 0; turn < 60; turn += 1) {
      // Steady streams of urgent and of usual jobs, more than are taken.
      for (let count = 0; count < 3; count += 1) {
        queue.add({ rank: -1, seq: (seq += 1) })
        queue.add({ rank: 3, seq: (seq += 1) })
      }
      const { taken } = queue.claim(line, 2, turn)
      expect(line.hungry).toBe(true)
      low.push(...taken.filter(({ rank }) => rank > -1).map(({ rank }) => rank))
    }
    // Behind the lowest there is nothing once, and it begins anew.
    expect(low).toEqual([3, 3, 5, 3, 3, 3, 3])
  })

  it('lose nothing of their place by such a turn', () => {
    const line = newLine('q')
    const queue = queueOf([...places(100), { rank: 1, seq: 1_000 }])
    const taken = Array.from({ length: 12 }, (_, turn) => queue.claim(line, 2, turn).taken)
    expect(taken[9]).toEqual([{ rank: 1, seq: 1_000 }])
    expect(taken[10]).toEqual([
      { rank: 0, seq: 19 },
      { rank: 0, seq: 20 },
    ])
  })
})
