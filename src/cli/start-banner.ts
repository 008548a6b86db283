import type { Configuration, SubscriptionConfiguration } from '../config/configuration.ts'
import { textAt, valueAt } from '../config/loose-value.ts'
import type { RunningInstance } from './application.ts'
import { addressOf } from '../domain/outbound.ts'
import { databaseText } from './database-text.ts'
import { programVersion } from '../app/program-version.ts'

/**
 * What `start` prints once it is ready: where it listens, what it does, and commands to paste.
 * @param config as given with `--config`, so that the commands find the same file
 */
export async function startBanner(
  instance: RunningInstance,
  config: string | undefined,
): Promise<string> {
  const { url } = instance
  const place = url === undefined ? 'without HTTP' : `on ${url}`
  return [
    `crossdock ${programVersion()} is ready ${place}`,
    '',
    ...facts(instance, await instance.status()),
    '',
    ...commands(instance, config),
  ].join('\n')
}

function facts(instance: RunningInstance, status: object): readonly string[] {
  const { configuration } = instance
  const handlers = handlerNames(status)
  const { subscriptions, jobs } = configuration
  const folders = jobs.handlerFolders.join(', ')
  const handlerText = handlers.length > 0 ? handlers.join(', ') : `in ${folders}`
  const lines: readonly (readonly [string, string])[] = [
    ['configuration', configuration.file ?? 'given as an object'],
    ['database', databaseText(configuration.database)],
    ...instance.services.map(({ protocol, url }) => [`${protocol} broker`, url] as const),
    ['workers', workersText(configuration)],
    ['handlers', jobs.handlerFolders.length === 0 ? 'none: jobs.handlers is empty' : handlerText],
    ...connectionTexts(status).map((text) => ['connection', text] as const),
    ...subscriptions.map((one) => ['subscription', subscriptionText(one)] as const),
    ...subscriptions.flatMap(routeTexts).map((text) => ['route', text] as const),
  ]
  const open = subscriptions.filter(({ atLeastOnceWhen }) => atLeastOnceWhen !== undefined)
  const whose =
    open.length < subscriptions.length ? ` to ${open.map(({ name }) => name).join(', ')}` : ''
  const note = `Sent${whose} without an idempotency key, a message is at-least-once: sent again, it is a second job.`
  const rows = lines.map(([label, text]) => `  ${label.padEnd(15)}${text}`)
  return open.length === 0 ? rows : [...rows, `  ${''.padEnd(15)}${note}`]
}

function workersText({ jobs }: Configuration): string {
  if (!jobs.enabled) return 'none: jobs.enabled is false'
  const queues = Object.entries(jobs.queues).map(
    ([name, { workers, paused }]) => `${workers} for ${name}${paused ? ' (paused)' : ''}`,
  )
  const rest = queues.length === 0 ? 'every queue' : 'every other queue'
  return [...queues, `${jobs.workers} for ${rest}`].join(', ')
}

function subscriptionText({ protocol, name, handler, options }: SubscriptionConfiguration): string {
  const topics = valueAt(options, ['topics'])
  const places = Array.isArray(topics) ? topics.map((one) => textAt(one, ['topic'])) : []
  const target = [textAt(options, ['method']), textAt(options, ['path']), ...places]
    .filter(Boolean)
    .join(' ')
  return `${protocol}:${name}  ${target} → ${handler ?? 'its routes alone'}`
}

function routeTexts({ protocol, name, routes = [] }: SubscriptionConfiguration): readonly string[] {
  return routes.map((route) => {
    const to = route.to.map((each) => addressOf(each.protocol, each.publication))
    return `${route.name}  ${protocol}:${name} → ${to.join(', ')}`
  })
}

/** Each connection and how it is; the one that stands for "none is needed" says nothing to anybody. */
function connectionTexts(status: object): readonly string[] {
  const connections = valueAt(status, ['integrations', 'connections'])
  return (Array.isArray(connections) ? connections : []).flatMap((one: unknown) => {
    const name = textAt(one, ['connection'])
    if (name === undefined) return []
    const detail = textAt(one, ['health', 'detail'])
    const state = textAt(one, ['health', 'status']) ?? ''
    return [
      `${textAt(one, ['protocol']) ?? ''}:${name}  ${state}${detail === undefined ? '' : `: ${detail}`}`,
    ]
  })
}

function commands(instance: RunningInstance, config: string | undefined): readonly string[] {
  const { configuration, url } = instance
  const sql = `npx crossdock sql${config === undefined ? '' : ` --config ${quoted(config)}`}`
  const select = `  ${sql} "select id, handler, statusid, result from queue_jobs order by seq desc limit 5"`
  const target = url === undefined ? undefined : firstPost(configuration)
  const publish = mqttPublish(instance)
  if (target === undefined) return ['Try it:', ...publish, select]
  return [
    'Try it:',
    `  curl -i -X POST ${url ?? ''}${target} -H 'content-type: application/json' -H 'idempotency-key: first' -d '{"name":"Ada"}'`,
    `  curl ${url ?? ''}/api/jobs/ID/status     # ID: the id in the answer above`,
    ...publish,
    select,
  ]
}

/** With the client that comes along: `mosquitto_pub` is not on every machine. */
function mqttPublish(instance: RunningInstance): readonly string[] {
  const broker = instance.services.find(({ protocol }) => protocol === 'mqtt')
  const topic = firstTopic(instance.configuration)
  if (broker === undefined || topic === undefined) return []
  const { hostname, port } = new URL(broker.url)
  return [`  npx mqtt pub -h ${hostname} -p ${port} -q 1 -t ${quoted(topic)} -m '{"name":"Ada"}'`]
}

/** A topic that the first subscription of MQTT takes. */
function firstTopic({ subscriptions }: Configuration): string | undefined {
  const [found] = subscriptions.flatMap(({ protocol, options }) => {
    const filter = protocol === 'mqtt' ? textAt(options, ['topics', 0, 'topic']) : undefined
    return filter?.startsWith('$') === false ? [filter] : []
  })
  return found?.replaceAll('+', 'hello').replaceAll('#', 'hello')
}

/** The example where it is there, else the first path that takes a POST and has no parameter. */
function firstPost({ subscriptions }: Configuration): string | undefined {
  const paths = subscriptions.flatMap(({ options }) => {
    const path = textAt(options, ['path'])
    return textAt(options, ['method']) === 'POST' && path?.includes(':') === false ? [path] : []
  })
  return paths.find((path) => path === '/in/hello') ?? paths[0]
}

function quoted(word: string): string {
  return /^[\w./\\:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

function handlerNames(status: object): readonly string[] {
  const names = valueAt(status, ['handlers'])
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}
