import type {
  Configuration,
  PublicationConfiguration,
  SubscriptionConfiguration,
} from '../config/configuration.ts'
import { textAt, valueAt } from '../config/loose-value.ts'
import type { RunningInstance } from './application.ts'
import { addressOf } from '../domain/outbound.ts'
import { databaseText } from './database-text.ts'
import { programVersion } from '../app/program-version.ts'
import { startCommands } from './start-commands.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'

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
  const status = await instance.status()
  return [
    `crossdock ${programVersion()} is ready ${place}`,
    '',
    ...facts(instance, status),
    '',
    'Try it:',
    ...startCommands(instance, handlerNames(status), config).map((line) => `  ${line}`),
  ].join('\n')
}

function facts(instance: RunningInstance, status: object): readonly string[] {
  const { configuration } = instance
  const handlers = handlerNames(status)
  const { subscriptions, publications, schedules, jobs } = configuration
  const folders = jobs.handlerFolders.join(', ')
  const handlerText = handlers.length > 0 ? handlers.join(', ') : `in ${folders}`
  const open = subscriptions.filter(({ atLeastOnceWhen }) => atLeastOnceWhen !== undefined)
  const lines: readonly (readonly [string, string])[] = [
    ['configuration', configuration.file ?? 'given as an object'],
    ['database', databaseText(configuration.database)],
    ...instance.services.map(({ protocol, url }) => [`${protocol} broker`, url] as const),
    ['workers', workersText(configuration)],
    ['handlers', jobs.handlerFolders.length === 0 ? 'none: jobs.handlers is empty' : handlerText],
    ...connectionTexts(status).map((text) => ['connection', text] as const),
    ...subscriptions.map((one) => ['subscription', subscriptionText(one)] as const),
    ...atLeastOnceTexts(open, subscriptions.length).map((text) => ['', text] as const),
    ...subscriptions.flatMap(routeTexts).map((text) => ['route', text] as const),
    ...publications.map((one) => ['publication', publicationText(one)] as const),
    ...schedules.map((one) => ['schedule', scheduleText(one)] as const),
  ]
  return lines.map(([label, text]) => `  ${label.padEnd(15)}${text}`)
}

/** What happens to a message that is sent twice, where the sender does not say which one it is. */
function atLeastOnceTexts(
  open: readonly SubscriptionConfiguration[],
  all: number,
): readonly string[] {
  if (open.length === 0) return []
  const whose = open.length < all ? ` to ${open.map(({ name }) => name).join(', ')}` : ''
  return [
    `Sent${whose} without an idempotency key, a message is at-least-once: sent again, it is a second job.`,
  ]
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
  const places = Array.isArray(topics) ? topics.map(topicText) : []
  const own = ['method', 'path', 'event', 'destination'].map((key) => textAt(options, [key]))
  const target = [...own, ...places].filter(Boolean).join(' ')
  return `${protocol}:${name}  ${target} → ${handler ?? 'its routes alone'}`
}

/** A topic by itself, or as one key of an object. */
function topicText(topic: unknown): string | undefined {
  return typeof topic === 'string'
    ? topic
    : (textAt(topic, ['topic']) ?? textAt(topic, ['pattern']))
}

function routeTexts({ protocol, name, routes = [] }: SubscriptionConfiguration): readonly string[] {
  return routes.map((route) => {
    const to = route.to.map((each) => addressOf(each.protocol, each.publication))
    return `${route.name}  ${protocol}:${name} → ${to.join(', ')}`
  })
}

function publicationText({ protocol, name, options }: PublicationConfiguration): string {
  const keys = protocol === 'signalr' ? ['method'] : ['topic', 'path', 'destination']
  const place = keys.map((key) => textAt(options, [key])).find((text) => text !== undefined)
  return `${addressOf(protocol, name)}${place === undefined ? '' : ` → ${place}`}`
}

/** Of the file alone: rows of `jobs` are seen by SQL, and by the command `schedules list`. */
function scheduleText({
  name,
  cronExpression,
  intervalSeconds,
  handler,
}: ScheduleSettings): string {
  const when =
    intervalSeconds === null ? `at ${cronExpression ?? ''}` : `every ${intervalSeconds} s`
  return `${name}  ${when} → ${handler}`
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

function handlerNames(status: object): readonly string[] {
  const names = valueAt(status, ['handlers'])
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}
