import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startOrSkip } from '../../services/require.ts'
import { sharedKafka } from '../../services/shared-servers.ts'
import { stored, until } from '../started-adapter.ts'
import { freshName, makeTopics, startKafkaAdapter } from './started-kafka.ts'

const IS_LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = IS_LONG ? 1_000_000 : 60_000
const BODY_BYTES = 500
const MB = 1024 * 1024

describe('a backlog at Kafka', () => {
  it(
    'stays there while nothing can be stored: memory is bounded, and everything comes in afterwards',
    { timeout: 300_000 },
    async ({ skip }) => {
      const broker = await startOrSkip('kafka', sharedKafka)
      if (broker === undefined) return skip()
      const topic = freshName('backlog')
      await makeTopics(broker.brokers, { [topic]: 6 })
      await broker.tools.fill(topic, MESSAGES, BODY_BYTES)
      const away = Promise.withResolvers<undefined>()
      let [isAway, calls, count, peak] = [true, 0, 0, 0]
      const before = process.memoryUsage.rss()
      const started = await startKafkaAdapter({
        connection: { brokers: [broker.brokers] },
        subscription: { topics: [topic] },
        contentType: 'text',
        deliver: async (messages) => {
          calls += 1
          if (isAway) await away.promise
          count += messages.length
          peak = Math.max(peak, process.memoryUsage.rss())
          const deliveries = await stored(messages)
          // What it has delivered is not to count.
          started.delivered.length = 0
          return deliveries
        },
      })
      await until(() => calls > 0)
      await delay(IS_LONG ? 20_000 : 3_000)
      const whileAway = process.memoryUsage.rss() - before
      isAway = false
      away.resolve(undefined)
      while (count < MESSAGES) await delay(50)
      await started.adapter.stop()
      expect(count).toBe(MESSAGES)
      process.stderr.write(
        `${MESSAGES} messages: ${Math.round(whileAway / MB)} MB more while nothing was stored, ${Math.round((peak - before) / MB)} MB at most\n`,
      )
      expect(whileAway).toBeLessThan(150 * MB)
      expect(peak - before).toBeLessThan(400 * MB)
    },
  )
})
