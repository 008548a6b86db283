import { execFile, spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Small, and begun fast: each is a JVM that works for a second. */
const JVM = ['-Xshare:auto', '-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const LIMIT_MS = 60_000

/** Kafka's own command line tools: the foreign client at the other end. */
export interface KafkaTools {
  /** `kafka-console-producer`: a record for each line. `options` are the tool's own. */
  produce(topic: string, lines: readonly string[], options?: readonly string[]): Promise<void>
  /** `kafka-producer-perf-test`: `count` records of `bytes` bytes, as fast as it can. */
  fill(topic: string, count: number, bytes: number): Promise<void>
  /** `kafka-console-consumer` from the beginning, until it has `count` records: a line for each. */
  consume(topic: string, count: number, options?: readonly string[]): Promise<readonly string[]>
  /** `kafka-consumer-groups --describe`, as it prints it. */
  describeGroup(group: string): Promise<string>
  /** `kafka-topics --create`. */
  createTopic(topic: string, partitions: number): Promise<void>
}

/** The tools in the folder of the broker's jars, on the broker at `brokers`. */
export function kafkaTools(jars: string, brokers: string): KafkaTools {
  const command = (program: string, args: readonly string[]): readonly string[] => [
    ...JVM,
    '-cp',
    path.join(jars, '*'),
    `org.apache.kafka.tools.${program}`,
    '--bootstrap-server',
    brokers,
    ...args,
  ]
  const output = async (program: string, args: readonly string[]): Promise<string> =>
    (await run('java', command(program, args), { timeout: LIMIT_MS, maxBuffer: 2 ** 28 })).stdout
  return {
    produce: async (topic, lines, options = []) => {
      const args = command('ConsoleProducer', ['--topic', topic, ...options])
      const child = spawn('java', args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: LIMIT_MS })
      const ended = new Promise<number | null>((resolve, reject) => {
        child.on('error', reject)
        child.on('close', resolve)
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(lines.map((line) => `${line}\n`).join(''))
      const [code, said] = await Promise.all([ended, text(child.stderr)])
      if (code !== 0) throw new Error(`the console producer failed: ${said}`)
    },
    fill: async (topic, count, bytes) => {
      const size = ['--num-records', String(count), '--record-size', String(bytes)]
      await output('ProducerPerformance', ['--topic', topic, ...size, '--throughput', '-1'])
    },
    consume: async (topic, count, options = []) => {
      const read = ['--topic', topic, '--from-beginning', '--max-messages', String(count)]
      const said = await output('consumer.ConsoleConsumer', [...read, ...options])
      return said.split('\n').slice(0, -1)
    },
    describeGroup: (group) =>
      output('consumer.group.ConsumerGroupCommand', ['--describe', '--group', group]),
    createTopic: async (topic, partitions) => {
      await output('TopicCommand', [
        ...['--create', '--topic', topic, '--partitions', String(partitions)],
      ])
    },
  }
}
