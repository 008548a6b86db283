import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import {
  ACCOUNT,
  type BrokerPlace,
  checkJava,
  foreignBroker,
  type JavaBroker,
  runTool,
  startJavaBroker,
} from './java-broker.ts'
import { fetchJars } from './maven-artifacts.ts'
import { type StompBroker, type StompBrokerTools, TEST_PREFIX } from './stomp-broker.ts'

/** The newest release of which every module below is to be had, and that runs on Java 17. */
const VERSION = '6.1.8'
const MAIN = 'org.apache.activemq.console.command.ShellCommand'
const STORE_PASSWORD = 'changeit'
/** What a message may have, so that a test can exceed it. */
export const CLASSIC_MAX_DATA_BYTES = 4_000_000

/**
 * Starts a real ActiveMQ Classic: the one that CROSSDOCK_TEST_ACTIVEMQ names (`stomp://host:port`), else the jars
 * of its release by Maven in a cache folder.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startActivemqClassic(): Promise<StompBroker> {
  const url = foreignUrl()
  if (url !== '') return foreignBroker('classic', 'CROSSDOCK_TEST_ACTIVEMQ', url)
  return startJavaBroker(classicBroker(await findJars()))
}

/**
 * Fetches what {@link startActivemqClassic} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareActivemqClassic(): Promise<void> {
  if (foreignUrl() === '') await findJars()
}

function foreignUrl(): string {
  return process.env['CROSSDOCK_TEST_ACTIVEMQ'] ?? ''
}

async function findJars(): Promise<string> {
  await checkJava()
  const modules = ['activemq-stomp', 'activemq-kahadb-store', 'activemq-console', 'activemq-http']
  return await fetchJars({
    name: `activemq-classic-${VERSION}`,
    artifacts: [...modules, 'activemq-spring', 'activemq-jaas']
      .map((module) => `org.apache.activemq:${module}:${VERSION}`)
      .concat('org.eclipse.jetty.websocket:websocket-jetty-server:11.0.26')
      .concat('org.slf4j:slf4j-simple:2.0.17')
      .map((coordinates) => ({ coordinates, withDependencies: true })),
    omit: [],
  })
}

function classicBroker(jars: string): JavaBroker {
  return {
    kind: 'classic',
    jars,
    maxHeap: '192m',
    prepare: async (place) => {
      await writeKeyStore(place)
      const file = path.join(place.folder, 'activemq.xml')
      await writeFile(file, configuration(place))
      return [MAIN, 'start', `xbean:file:${file}`]
    },
    tools: (place) => tools(jars, place),
  }
}

/** Java takes keys out of a store of its own. */
async function writeKeyStore({ folder, authority }: BrokerPlace): Promise<void> {
  const { cert, key } = authority.signed['localhost'] ?? { cert: '', key: '' }
  await writeFile(path.join(folder, 'server.pem'), cert + key)
  const names = ['-in', 'server.pem', '-out', 'server.p12', '-name', 'server']
  const words = ['pkcs12', '-export', ...names, '-passout', `pass:${STORE_PASSWORD}`]
  await promisify(execFile)('openssl', words, { cwd: folder })
}

function configuration({ folder, ports }: BrokerPlace): string {
  const { username, password } = ACCOUNT
  const listen = (scheme: string, port: number): string =>
    `<transportConnector name="${scheme}" uri="${scheme}://127.0.0.1:${port}?wireFormat.maxDataLength=${CLASSIC_MAX_DATA_BYTES}"/>`
  const everybody = 'read="all,anonymous" write="all,anonymous" admin="all,anonymous"'
  const allowed = [`queue="${TEST_PREFIX}>"`, `topic="${TEST_PREFIX}>"`]
    .concat('queue="ActiveMQ.>"', 'topic="ActiveMQ.>"')
    .map((name) => `<authorizationEntry ${name} ${everybody}/>`)
  return `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
<broker xmlns="http://activemq.apache.org/schema/core" brokerName="test" useJmx="false" schedulerSupport="true" dataDirectory="${folder}/data">
  <persistenceAdapter><kahaDB directory="${folder}/data/kahadb" journalMaxFileLength="4mb"/></persistenceAdapter>
  <plugins>
    <simpleAuthenticationPlugin anonymousAccessAllowed="true">
      <users><authenticationUser username="${username}" password="${password}" groups="all"/></users>
    </simpleAuthenticationPlugin>
    <authorizationPlugin><map><authorizationMap><authorizationEntries>${allowed.join('')}</authorizationEntries></authorizationMap></map></authorizationPlugin>
  </plugins>
  <sslContext><sslContext keyStore="file:${folder}/server.p12" keyStorePassword="${STORE_PASSWORD}" keyStoreType="PKCS12"/></sslContext>
  <systemUsage><systemUsage>
    <memoryUsage><memoryUsage limit="96 mb"/></memoryUsage>
    <storeUsage><storeUsage limit="1 gb"/></storeUsage>
    <tempUsage><tempUsage limit="128 mb"/></tempUsage>
  </systemUsage></systemUsage>
  <transportConnectors>
    ${listen('stomp', ports.stomp)}
    ${listen('stomp+ssl', ports.tls)}
    <transportConnector name="tcp" uri="tcp://127.0.0.1:${ports.own}"/>
    <transportConnector name="ws" uri="ws://127.0.0.1:${ports.webSocket}"/>
    <transportConnector name="wss" uri="wss://127.0.0.1:${ports.tlsWebSocket}"/>
  </transportConnectors>
</broker></beans>
`
}

function tools(jars: string, { ports }: BrokerPlace): StompBrokerTools {
  const at = ['--brokerUrl', `tcp://127.0.0.1:${ports.own}`]
  const count = (n: number): readonly string[] => ['--messageCount', String(n)]
  return {
    produce: async (queue, message, n) => {
      const what = ['--destination', `queue://${queue}`, '--message', message]
      await runTool(jars, [MAIN, 'producer', ...at, ...what, ...count(n)])
    },
    consume: (queue, n) =>
      runTool(jars, [MAIN, 'consumer', ...at, '--destination', `queue://${queue}`, ...count(n)]),
  }
}
