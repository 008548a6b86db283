import { afterEach, describe, expect, it } from 'vitest'
import { makeTopic } from '../../services/kafka-admin.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { loanKafka } from '../../services/shared-servers.ts'
import { until } from '../started-adapter.ts'
import { outMessage, startPublisher, type StartedPublisher } from './started-publisher.ts'

let broker: KafkaService | undefined

afterEach(async () => {
  await broker?.stop()
  broker = undefined
})

/** A broker that may be stopped; `undefined`: there is none. */
async function ownBroker(): Promise<KafkaService | undefined> {
  broker = await startOrSkip('kafka', () => loanKafka())
  return broker?.controllable === true ? broker : undefined
}

const KEYS = 20
const ROUNDS = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 400 : 40

describe('a broker that goes away', { timeout: 120_000 }, () => {
  it('and comes again in the middle loses nothing and reorders no key; a repeat has the same id', async ({
    skip,
  }) => {
    const kafka = await ownBroker()
    if (kafka === undefined) return skip('there is no Kafka of ours')
    const topic = await makeTopic(kafka.brokers, { partitions: 3 })
    const publisher = await startPublisher({
      connection: { brokers: kafka.brokers, request_timeout: '2s' },
      timeoutMs: 5_000,
    })
    await publisher.untilConnected()
    let published = 0
    let attempts = 0
    // As the outbox does: of one key the next message goes when the one before it is confirmed.
    const lanes = Array.from({ length: KEYS }, async (_, key) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        while (!(await isPublished(publisher, topic, key, round))) attempts += 1
        published += 1
      }
    })
    await until(() => published >= (KEYS * ROUNDS) / 4)
    await kafka.kill()
    await until(() => !publisher.isConnected())
    expect(publisher.health().status).toBe('down')
    await kafka.restart()
    await Promise.all(lanes)
    const sent = KEYS * ROUNDS
    const arrived = await everything(kafka, topic)
    expect(attempts).toBeGreaterThan(0)
    const first = new Map<string, number[]>()
    const seen = new Set<string>()
    for (const { key, id, round } of arrived) {
      if (seen.has(id)) continue
      seen.add(id)
      first.set(key, [...(first.get(key) ?? []), round])
    }
    expect(seen.size).toBe(sent)
    const inOrder = Array.from({ length: ROUNDS }, (_, round) => round)
    for (const rounds of first.values()) expect(rounds).toEqual(inOrder)
    console.log(
      `kafka outages: ${sent} messages, ${attempts} attempts failed, ${arrived.length - sent} repeats`,
    )
  })

  it('or is silent has the message unconfirmed when its time is over, and takes it later', async ({
    skip,
  }) => {
    const kafka = await ownBroker()
    if (kafka === undefined) return skip('there is no Kafka of ours')
    const topic = await makeTopic(kafka.brokers)
    const publisher = await startPublisher({
      connection: { brokers: kafka.brokers, request_timeout: '2s' },
      timeoutMs: 1_500,
    })
    await publisher.untilConnected()
    await publisher.publish([outMessage('m0', topic)])
    kafka.pause()
    const before = performance.now()
    const [silent] = await publisher.publish([outMessage('m1', topic)])
    expect(silent).toMatchObject({ outcome: 'unconfirmed' })
    expect(performance.now() - before).toBeLessThan(3_500)
    kafka.resume()
    await until(async () => {
      const [sent] = await publisher.publish([outMessage('m1', topic)])
      return sent?.outcome === 'published'
    })
    const ids = (await everything(kafka, topic)).map(({ id }) => id)
    expect(new Set(ids)).toEqual(new Set(['m0', 'm1']))
  })
})

async function isPublished(
  { publish }: StartedPublisher,
  topic: string,
  key: number,
  round: number,
): Promise<boolean> {
  const message = outMessage(`${key}/${round}`, topic, { key: `key ${key}` })
  const [sent] = await publish([message])
  if (sent?.outcome === 'published') return true
  await new Promise((resolve) => setTimeout(resolve, 100))
  return false
}

interface Arrived {
  readonly id: string
  readonly key: string
  readonly round: number
}

/** All that is in a topic, in the order of its partitions, by Kafka's own consumer. */
async function everything(kafka: KafkaService, topic: string): Promise<readonly Arrived[]> {
  const show = ['print.headers=true', 'headers.separator=;', 'key.separator=|', 'print.key=true']
  const lines = await kafka.tools.consume(topic, 1_000_000, [
    ...show.flatMap((property) => ['--formatter-property', property]),
    ...['--timeout-ms', '4000'],
  ])
  return lines.flatMap((line) => {
    const [headers = '', key = ''] = line.split('|')
    // It also says that nothing more has come, and how many there were.
    const id = /idempotency-key:([^;|]+)/.exec(headers)?.[1]
    return id === undefined ? [] : [{ id, key, round: Number(id.split('/')[1]) }]
  })
}
