import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
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
const VERSION = '2.44.0'
const MAIN = 'org.apache.activemq.artemis.cli.Artemis'
const ACTIONS = ['createAddress', 'consume', 'browse', 'send']
  .concat('createNonDurableQueue', 'deleteNonDurableQueue')
  .concat('createDurableQueue', 'deleteDurableQueue')

/**
 * Starts a real ActiveMQ Artemis: the one that CROSSDOCK_TEST_ARTEMIS names (`stomp://host:port`), else the jars of
 * its release by Maven in a cache folder.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startArtemis(): Promise<StompBroker> {
  const url = foreignUrl()
  if (url !== '') return foreignBroker('artemis', 'CROSSDOCK_TEST_ARTEMIS', url)
  return startJavaBroker(artemisBroker(await findJars()))
}

/**
 * Fetches what {@link startArtemis} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareArtemis(): Promise<void> {
  if (foreignUrl() === '') await findJars()
}

function foreignUrl(): string {
  return process.env['CROSSDOCK_TEST_ARTEMIS'] ?? ''
}

async function findJars(): Promise<string> {
  await checkJava()
  return await fetchJars({
    name: `artemis-${VERSION}`,
    artifacts: [
      `org.apache.activemq:artemis-cli:${VERSION}`,
      `org.apache.activemq:artemis-stomp-protocol:${VERSION}`,
      'org.slf4j:slf4j-simple:2.0.17',
    ].map((coordinates) => ({ coordinates, withDependencies: true })),
    // Clusters that find each other, and another protocol's client.
    omit: ['jgroups', 'qpid-jms'],
  })
}

function artemisBroker(jars: string): JavaBroker {
  return {
    kind: 'artemis',
    jars,
    maxHeap: '256m',
    prepare: async (place) => {
      const { folder } = place
      await mkdir(path.join(folder, 'etc'))
      for (const [name, text] of Object.entries(filesOf(place))) {
        await writeFile(path.join(folder, 'etc', name), text)
      }
      const properties = {
        'artemis.home': folder,
        'artemis.instance': folder,
        'artemis.instance.etc': `${folder}/etc`,
        'java.security.auth.login.config': `${folder}/etc/login.config`,
      }
      const given = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`)
      return [...given, MAIN, 'run']
    },
    tools: (place) => tools(jars, place),
  }
}

function filesOf(place: BrokerPlace): Readonly<Record<string, string>> {
  const { folder, authority } = place
  const { cert, key } = authority.signed['localhost'] ?? { cert: '', key: '' }
  const { username, password } = ACCOUNT
  const modules = 'org.apache.activemq.artemis.spi.core.security.jaas'
  return {
    'server.pem': key + cert,
    'ca.pem': authority.ca,
    'management.xml': '<management-context xmlns="http://activemq.apache.org/schema"/>',
    'bootstrap.xml': `<broker xmlns="http://activemq.apache.org/schema"><jaas-security domain="activemq"/><server configuration="file:${folder}/etc/broker.xml"/></broker>`,
    'users.properties': `${username} = ${password}\n`,
    'roles.properties': `all = ${username}\n`,
    // Without a name anybody is a guest; a wrong password is not one, since only those without a name are.
    'login.config': `activemq {
  ${modules}.PropertiesLoginModule sufficient org.apache.activemq.jaas.properties.user="users.properties" org.apache.activemq.jaas.properties.role="roles.properties";
  ${modules}.GuestLoginModule sufficient credentialsInvalidate=true org.apache.activemq.jaas.guest.user="guest" org.apache.activemq.jaas.guest.role="all";
};
`,
    'broker.xml': configuration(place),
  }
}

function configuration({ folder, ports }: BrokerPlace): string {
  const permissions = (role: string): string =>
    ACTIONS.map((type) => `<permission type="${type}" roles="${role}"/>`).join('')
  const secured = [
    'sslEnabled=true;keyStoreType=PEM',
    `keyStorePath=${folder}/etc/server.pem`,
    `trustStoreType=PEMCA;trustStorePath=${folder}/etc/ca.pem;needClientAuth=true`,
  ].join(';')
  const listen = (name: string, port: number, more = ''): string =>
    `<acceptor name="${name}">tcp://127.0.0.1:${port}?${more}protocols=STOMP</acceptor>`
  const queue = (name: string): string =>
    `<address name="${name}"><anycast><queue name="${name}"/></anycast></address>`
  return `<configuration xmlns="urn:activemq"><core xmlns="urn:activemq:core">
  <name>test</name>
  <journal-type>NIO</journal-type>
  <journal-file-size>1M</journal-file-size>
  <journal-min-files>2</journal-min-files>
  <bindings-directory>${folder}/data/bindings</bindings-directory>
  <journal-directory>${folder}/data/journal</journal-directory>
  <large-messages-directory>${folder}/data/large</large-messages-directory>
  <paging-directory>${folder}/data/paging</paging-directory>
  <jmx-management-enabled>false</jmx-management-enabled>
  <max-disk-usage>-1</max-disk-usage>
  <critical-analyzer>false</critical-analyzer>
  <global-max-size>64M</global-max-size>
  <acceptors>
    ${listen('stomp', ports.stomp)}
    ${listen('tls', ports.tls, `${secured};`)}
    ${listen('ws', ports.webSocket)}
    ${listen('wss', ports.tlsWebSocket, `${secured};`)}
    <acceptor name="core">tcp://127.0.0.1:${ports.own}?protocols=CORE</acceptor>
  </acceptors>
  <security-settings>
    <security-setting match="#">${permissions('nobody')}</security-setting>
    <security-setting match="${TEST_PREFIX}#">${permissions('all')}</security-setting>
    <security-setting match="DLQ">${permissions('all')}</security-setting>
  </security-settings>
  <address-settings>
    <address-setting match="#"><dead-letter-address>DLQ</dead-letter-address><max-delivery-attempts>-1</max-delivery-attempts></address-setting>
    <address-setting match="${TEST_PREFIX}attempts.#"><dead-letter-address>DLQ</dead-letter-address><max-delivery-attempts>10</max-delivery-attempts></address-setting>
    <address-setting match="${TEST_PREFIX}full.#"><max-size-bytes>4000</max-size-bytes><address-full-policy>FAIL</address-full-policy></address-setting>
  </address-settings>
  <addresses>${queue('DLQ')}</addresses>
</core></configuration>
`
}

function tools(jars: string, { ports }: BrokerPlace): StompBrokerTools {
  const at = ['--url', `tcp://127.0.0.1:${ports.own}`]
  const count = (n: number): readonly string[] => ['--message-count', String(n)]
  return {
    produce: async (queue, message, n) => {
      const what = ['--destination', `queue://${queue}`, '--message', message]
      await runTool(jars, [MAIN, 'producer', ...at, ...what, ...count(n)])
    },
    consume: (queue, n) => {
      const what = ['--destination', `queue://${queue}`, '--verbose']
      return runTool(jars, [MAIN, 'consumer', ...at, ...what, ...count(n)])
    },
  }
}
