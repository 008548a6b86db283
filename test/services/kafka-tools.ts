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
  /** `kafka-console-producer` that stays open: for records that come in while something else happens. */
  openProducer(topic: string, options?: readonly string[]): ConsoleProducer
  /** `kafka-producer-perf-test`: `count` records of `bytes` bytes, as fast as it can. */
  fill(topic: string, count: number, bytes: number): Promise<void>
  /** `kafka-console-consumer` from the beginning, until it has `count` records: a line for each. */
  consume(topic: string, count: number, options?: readonly string[]): Promise<readonly string[]>
  /** `kafka-consumer-groups --describe`, as it prints it. */
  describeGroup(group: string): Promise<string>
  /** `kafka-topics --create`. */
  createTopic(topic: string, partitions: number): Promise<void>
}

/** A running `kafka-console-producer`. */
export interface ConsoleProducer {
  /** A record for a line; it leaves within milliseconds, after those before it. */
  write(line: string): void
  /** Sends what is left and ends the tool. @throws Error when that failed */
  end(): Promise<void>
}

/** For a tool that stays open: no record waits for others, and none is given up while the broker is away. */
const AT_ONCE = ['linger.ms=5', 'retries=1000000'].flatMap((one) => ['--command-property', one])

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
  const openProducer = (args: readonly string[], timeout?: number): ConsoleProducer => {
    const child = spawn('java', command('ConsoleProducer', args), {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout,
    })
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    const said = text(child.stderr)
    // Whoever never ends it learns of it otherwise.
    ended.catch(() => undefined)
    child.stdin.on('error', () => undefined)
    return {
      write: (line) => void child.stdin.write(`${line}\n`),
      end: async () => {
        child.stdin.end()
        if ((await ended) !== 0) throw new Error(`the console producer failed: ${await said}`)
      },
    }
  }
  return {
    produce: async (topic, lines, options = []) => {
      const producer = openProducer(['--topic', topic, ...options], LIMIT_MS)
      for (const line of lines) producer.write(line)
      await producer.end()
    },
    openProducer: (topic, options = []) => openProducer(['--topic', topic, ...AT_ONCE, ...options]),
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
