import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type KafkaOptions, startKafkaServer } from './kafka-server.ts'
import type { KafkaService } from './kafka-service.ts'
import { kafkaTools } from './kafka-tools.ts'
import { fetchJars } from './maven-artifacts.ts'
import { ServiceUnavailable } from './require.ts'

const VERSION = '4.3.1'
/** The first one that Kafka 4's broker runs on. */
const MIN_JAVA = 17

/** Accounts of the broker of CROSSDOCK_TEST_KAFKA: it has no listener for them. */
const NOBODY = { username: '', password: '' }

/**
 * Starts a real Apache Kafka, one node that is broker and controller: the one that CROSSDOCK_TEST_KAFKA names (`host:port`),
 * else the jars of its release by Maven in a cache folder. It ends with this process, however that ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaService> {
  const jars = await findJars()
  const brokers = foreignBrokers()
  return brokers === '' ? startKafkaServer(jars, options) : foreignBroker(jars, brokers)
}

/**
 * Fetches what {@link startKafka} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareKafka(): Promise<void> {
  await findJars()
}

function foreignBrokers(): string {
  return process.env['CROSSDOCK_TEST_KAFKA'] ?? ''
}

/** The folder of the jars: the broker's and those of its command line tools. */
async function findJars(): Promise<string> {
  await checkJava()
  return await fetchJars({
    name: `kafka-${VERSION}`,
    artifacts: [
      { coordinates: `org.apache.kafka:kafka_2.13:${VERSION}`, withDependencies: true },
      // With its dependencies it brings Kafka Connect and a web server.
      { coordinates: `org.apache.kafka:kafka-tools:${VERSION}`, withDependencies: false },
      { coordinates: 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.4', withDependencies: true },
    ],
    // The compiler's mirror of Scala, which nothing asks for at run time.
    omit: ['scala-reflect'],
  })
}

async function checkJava(): Promise<void> {
  const { stderr } = await promisify(execFile)('java', ['-version']).catch((cause: unknown) => {
    throw new ServiceUnavailable('this machine has no Java', { cause })
  })
  const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (major < MIN_JAVA) {
    throw new ServiceUnavailable(`Kafka's broker needs Java ${MIN_JAVA}, and this is ${major}`)
  }
}

function foreignBroker(jars: string, brokers: string): KafkaService {
  const refuse = (): never => {
    throw new ServiceUnavailable('the broker of CROSSDOCK_TEST_KAFKA is not ours to stop')
  }
  return {
    brokers,
    saslBrokers: undefined,
    saslTlsBrokers: undefined,
    tlsBrokers: undefined,
    accounts: { plain: NOBODY, scram: NOBODY },
    tokens: undefined,
    authority: undefined,
    tools: kafkaTools(jars, brokers),
    origin: 'CROSSDOCK_TEST_KAFKA',
    controllable: false,
    pid: undefined,
    stop: async () => undefined,
    restart: async () => refuse(),
    kill: async () => refuse(),
    pause: refuse,
    resume: refuse,
  }
}
