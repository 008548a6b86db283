import type { Configuration } from '../config/configuration.ts'
import { textAt } from '../config/loose-value.ts'
import type { RunningInstance } from './application.ts'

/** The example, which greets whom it is given, by whatever way. */
const EXAMPLE = { handler: 'examples.hello', path: '/in/hello', body: '{"name":"Ada"}' }

/**
 * Commands to paste at an instance that runs, each as a line of its own.
 * @param handlers the names of those that it has
 * @param config as given with `--config`, so that the commands find the same file
 */
export function startCommands(
  instance: RunningInstance,
  handlers: readonly string[],
  config: string | undefined,
): readonly string[] {
  const sql = `npx crossdock sql${config === undefined ? '' : ` --config ${quoted(config)}`}`
  return [
    ...posts(instance),
    ...mqttCommands(instance),
    ...scheduleInsert(sql, handlers),
    `${sql} "select id, handler, statusid, result from queue_jobs order by seq desc limit 5"`,
  ]
}

function posts({ configuration, url }: RunningInstance): readonly string[] {
  const target = firstPost(configuration)
  if (url === undefined || target === undefined) return []
  return [
    `curl -i -X POST ${url}${target} -H 'content-type: application/json' -H 'idempotency-key: first' -d '${EXAMPLE.body}'`,
    `curl ${url}/api/jobs/ID/status     # ID: the id in the answer above`,
  ]
}

/** The example where it is there, else the first path that takes a POST and has no parameter. */
function firstPost({ subscriptions }: Configuration): string | undefined {
  const paths = subscriptions.flatMap(({ options }) => {
    const path = textAt(options, ['path'])
    return textAt(options, ['method']) === 'POST' && path?.includes(':') === false ? [path] : []
  })
  return paths.find((path) => path === EXAMPLE.path) ?? paths[0]
}

/** With the client that comes along: `mosquitto_pub` is not on every machine. */
function mqttCommands({ configuration, services }: RunningInstance): readonly string[] {
  const broker = services.find(({ protocol }) => protocol === 'mqtt')
  if (broker === undefined) return []
  const { hostname, port } = new URL(broker.url)
  const sent = sentTopic(configuration)
  const taken = takenTopic(configuration)
  return [
    ...(sent === undefined
      ? []
      : [
          `npx mqtt sub -h ${hostname} -p ${port} -t ${quoted(sent)}     # in a terminal of its own: it listens until Ctrl-C`,
        ]),
    ...(taken === undefined
      ? []
      : [`npx mqtt pub -h ${hostname} -p ${port} -q 1 -t ${quoted(taken)} -m '${EXAMPLE.body}'`]),
  ]
}

/** A topic that a publication of MQTT always sends to. */
function sentTopic({ publications }: Configuration): string | undefined {
  return publications
    .filter(({ protocol }) => protocol === 'mqtt')
    .map(({ options }) => textAt(options, ['topic']))
    .find((topic) => topic?.includes('{{') === false)
}

/** A topic that the first subscription of MQTT takes. */
function takenTopic({ subscriptions }: Configuration): string | undefined {
  const [found] = subscriptions.flatMap(({ protocol, options }) => {
    const filter = protocol === 'mqtt' ? textAt(options, ['topics', 0, 'topic']) : undefined
    return filter?.startsWith('$') === false ? [filter] : []
  })
  return found?.replaceAll('+', 'hello').replaceAll('#', 'hello')
}

/** Of the example alone: nobody's own handler is to run by the clock because a line was pasted. */
function scheduleInsert(sql: string, handlers: readonly string[]): readonly string[] {
  if (!handlers.includes(EXAMPLE.handler)) return []
  const payload = EXAMPLE.body.replaceAll('"', String.raw`\"`)
  return [
    `${sql} "insert into jobs (name, handler, payload, intervalseconds) values ('Every ten seconds', '${EXAMPLE.handler}', '${payload}', 10)"`,
  ]
}

function quoted(word: string): string {
  return /^[\w./\\:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
