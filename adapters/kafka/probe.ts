import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { ProbeFindings } from '../../src/ports/probe.ts'
import type { KafkaDriver } from './driver.ts'
import type { KafkaConnectionOptions } from './options/connection.ts'
import { kafkaServer } from './server.ts'

/** What one sees of a probe at the brokers. */
const CLIENT_ID = 'crossdock-check'

/** A probe says what it has to say by its findings, and by what it throws. */
const SILENT: Log = (() => {
  const quiet = (): void => undefined
  const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => log }
  return log
})()

/**
 * Connects, signs in, and asks what there is.
 * @throws CrossdockError `connection_failed`
 */
export async function probeKafka(
  driver: Pick<KafkaDriver, 'metadata'>,
  options: KafkaConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  signal.throwIfAborted()
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => performance.now() }
  const server = kafkaServer(options, { instanceName: CLIENT_ID, clock, log: SILENT })
  const { clusterId, topics } = await driver.metadata(server)
  const count = topics.size === 1 ? '1 topic' : `${topics.size} topics`
  return { facts: `Kafka, cluster ${clusterId}, ${count} that we may see` }
}
