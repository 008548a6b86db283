import { describe, expect, it, test } from 'vitest'
import { mqttConnectionOptions } from '../../../adapters/mqtt/options/connection.ts'
import { mqttSubscriptionOptions } from '../../../adapters/mqtt/options/subscription.ts'
import { filterProblem, filtersOverlap, topicNameProblem } from '../../../adapters/mqtt/topics.ts'

describe('a topic filter', () => {
  it.each(['a', '/', 'a/+/b', '+', '#', 'a/#', '$share/g/a/#', '$SYS/#', 'ä/ß'])(
    'may be %s',
    (one) => {
      expect(filterProblem(one)).toBeUndefined()
    },
  )

  it.each([
    '',
    'a/#/b',
    'a#',
    'a+/b',
    '$share/g',
    '$share/g+/a',
    '$share//a',
    'a\0b',
    'x'.repeat(65_536),
  ])('may not be %j', (one) => {
    expect(filterProblem(one)).toBeDefined()
  })

  it.each([
    ['a/#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/+', 'a/b', true],
    ['+/b', 'a/+', true],
    ['#', 'a/b/c', true],
    ['a/b', 'a/c', false],
    ['a/+', 'a/b/c', false],
    ['a', 'a/b', false],
    ['#', '$SYS/x', false],
    ['$share/g/a/#', 'a/b', false],
    ['$share/g/a/#', '$share/h/a/b', false],
    ['$share/g/a/#', '$share/g/a/b', true],
  ])('%s and %s take some of the same messages: %s', (one, other, both) => {
    expect(filtersOverlap(one, other)).toBe(both)
    expect(filtersOverlap(other, one)).toBe(both)
  })
})

test('the name of a topic to publish to has no wildcards', () => {
  expect(topicNameProblem('a/b')).toBeUndefined()
  for (const bad of ['', 'a/#', '+', 'a\0']) expect(topicNameProblem(bad)).toBeDefined()
})

test('topics may be texts, and have quality of service 1 then', () => {
  const { topics } = mqttSubscriptionOptions.parse({ topics: ['a', { topic: 'b', qos: 2 }] })
  expect(topics).toEqual([
    { topic: 'a', qos: 1, no_local: false },
    { topic: 'b', qos: 2, no_local: false },
  ])
})

test('topics of one subscription that overlap are refused, and so is no_local of a shared one', () => {
  const problems = (topics: unknown): readonly string[] =>
    mqttSubscriptionOptions.safeParse({ topics }).error?.issues.map(({ message }) => message) ?? []
  expect(problems(['a/#', 'a/b'])).toEqual([expect.stringContaining('a/# takes as well')])
  expect(problems([{ topic: '$share/g/a', no_local: true }])).toHaveLength(1)
  expect(problems(['a/b', 'a/c'])).toEqual([])
})

test.each(['http://x', 'mqtt://', 'mqtt://me:secret@host', 'host:1883'])(
  '%s is no address of a broker',
  (url) => {
    expect(mqttConnectionOptions.safeParse({ url }).success).toBe(false)
  },
)
