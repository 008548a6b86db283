import { describe, expect, it } from 'vitest'
import { chooseTopics } from '../../../adapters/kafka/topic-choice.ts'

describe('the topics of a subscription', () => {
  it('are those that are named and there, and those that a pattern matches as a whole', () => {
    expect(
      chooseTopics(['orders', 'orders-eu', 'x-orders', 'plain', 'order.s'], ['plain', /orders.*/u]),
    ).toEqual({ topics: ['orders', 'orders-eu', 'plain'], missing: [] })
    expect(chooseTopics(['ab', 'a'], [/a|b/])).toEqual({ topics: ['a'], missing: [] })
  })

  it('are each there once, and never those of Kafka itself by a pattern', () => {
    expect(chooseTopics(['a', '__consumer_offsets'], ['a', /.*/g, /a/])).toEqual({
      topics: ['a'],
      missing: [],
    })
  })

  it('leave out what is named and not there, and say so', () => {
    expect(chooseTopics(['a'], ['b', 'a', 'c'])).toEqual({ topics: ['a'], missing: ['b', 'c'] })
  })
})
