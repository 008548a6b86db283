import { userInfo } from 'node:os'
import { type Command, Option } from 'commander'
import { CrossdockError } from '../domain/errors.ts'
import { addressOf } from '../domain/outbound.ts'
import type { Configuration } from '../config/configuration.ts'
import { queueAddress } from '../ports/pauses.ts'
import type { AddCommand, Finish } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { overHttp } from './over-http.ts'
import { pausesText, type ShownPause } from './pauses-text.ts'
import { terminalLog } from './terminal-log.ts'
import type { Terminal } from './terminal.ts'

interface PauseOptions extends ConfigurationOption {
  readonly url?: string
  readonly reason?: string
  readonly json?: boolean
}

/** What `queues` and `integrations` differ in. */
interface Kind {
  readonly command: 'queues' | 'integrations'
  readonly argument: string
  readonly example: string
  readonly summary: string
  readonly what: string
  /** The address of what is named, checked against the configuration. */
  readonly address: (name: string, configuration: Configuration) => string
  /** What is listed also where nobody has paused it. */
  readonly known: (configuration: Configuration) => readonly string[]
}

const QUEUES: Kind = {
  command: 'queues',
  argument: 'queue',
  example: 'mail',
  summary: 'list queues, pause and resume them',
  what: 'A paused queue takes jobs in, and no instance begins one of them.',
  address: queueAddress,
  known: ({ jobs }) => Object.keys(jobs.queues).map(queueAddress),
}

const INTEGRATIONS: Kind = {
  command: 'integrations',
  argument: 'address',
  example: 'http:orders',
  summary: 'list subscriptions and publications, pause and resume them',
  what: 'A paused subscription takes no messages in; of a paused publication none is sent.',
  address: (name, configuration) => {
    const known = addressesOf(configuration)
    if (known.includes(name)) return name
    throw new CrossdockError(
      'usage',
      `There is no subscription and no publication ${name}; there are: ${known.join(', ') || 'none'}.`,
    )
  },
  known: addressesOf,
}

/** `crossdock queues list|pause|resume`. */
export const queuesCommand: AddCommand = (program, terminal, finish) => {
  addGroup(program, { terminal, finish }, QUEUES)
}

/** `crossdock integrations list|pause|resume`. */
export const integrationsCommand: AddCommand = (program, terminal, finish) => {
  addGroup(program, { terminal, finish }, INTEGRATIONS)
}

function addGroup(
  program: Command,
  { terminal, finish }: { readonly terminal: Terminal; readonly finish: Finish },
  kind: Kind,
): void {
  const group = program
    .command(kind.command)
    .summary(kind.summary)
    .description(
      `${kind.what} It is remembered, and wins over the configuration. Works on the configured database, or over HTTP with --url.`,
    )
    .addHelpText(
      'after',
      `
Examples:
  crossdock ${kind.command} list
  crossdock ${kind.command} pause ${kind.example} --reason "the server moves"
  crossdock ${kind.command} resume ${kind.example} --url http://127.0.0.1:8080`,
    )
  const url = (): Option => new Option('--url <url>', 'ask a running instance instead')
  group
    .command('list')
    .description('Lists them, and says what is paused, by whom and why.')
    .addOption(configurationOption())
    .addOption(url())
    .option('--json', 'one JSON object a line')
    .action(async (options: PauseOptions) => finish(await list(terminal, kind, options)))
  for (const verb of ['pause', 'resume'] as const) {
    group
      .command(verb)
      .description(verb === 'pause' ? kind.what : 'Lets it go on.')
      .argument(`<${kind.argument}>`, `such as ${kind.example}`)
      .option('--reason <text>', 'why, for those who look at it')
      .addOption(configurationOption())
      .addOption(url())
      .action(async (name: string, options: PauseOptions) =>
        finish(await change(terminal, kind, { name, verb, options })),
      )
  }
}

async function change(
  terminal: Terminal,
  kind: Kind,
  asked: {
    readonly name: string
    readonly verb: 'pause' | 'resume'
    readonly options: PauseOptions
  },
): Promise<number> {
  const { name, verb, options } = asked
  const { reason, url } = options
  if (url === undefined) {
    const { configuration } = await loadFor(terminal, options)
    const application = await terminal.application()
    const wish = {
      address: kind.address(name, configuration),
      paused: verb === 'pause',
      changedBy: `cli ${userName()}`,
      reason: reason ?? null,
    }
    await application.changePause(configuration, wish, terminalLog(terminal))
  } else {
    const path = `/api/${kind.command}/${encodeURIComponent(name)}/${verb}`
    await overHttp(url, path, { body: reason === undefined ? {} : { reason } })
  }
  terminal.out(`${verb}d  ${name}`)
  return EXIT.ok
}

async function list(terminal: Terminal, kind: Kind, options: PauseOptions): Promise<number> {
  const shown = await (options.url === undefined
    ? fromDatabase(terminal, kind, options)
    : fromInstance(kind, options.url))
  for (const line of pausesText(shown, options.json === true)) terminal.out(line)
  return EXIT.ok
}

async function fromDatabase(
  terminal: Terminal,
  kind: Kind,
  options: PauseOptions,
): Promise<readonly ShownPause[]> {
  const { configuration } = await loadFor(terminal, options)
  const application = await terminal.application()
  const { records, queues } = await application.listPauses(configuration, terminalLog(terminal))
  const prefix = queueAddress('')
  const isQueues = kind.command === 'queues'
  const addresses = new Set([
    ...kind.known(configuration),
    ...(isQueues ? queues.map(({ queue }) => queueAddress(queue)) : []),
    ...records
      .map(({ address }) => address)
      .filter((address) => address.startsWith(prefix) === isQueues),
  ])
  return [...addresses].sort().map((address) => {
    const record = records.find((one) => one.address === address)
    const name = isQueues ? address.slice(prefix.length) : address
    const isConfigured = isQueues && configuration.jobs.queues[name]?.paused === true
    return {
      name,
      paused: record?.paused ?? isConfigured,
      by: record?.changedBy ?? null,
      on: record?.changedOn.toISOString() ?? null,
      reason: record?.reason ?? (record === undefined && isConfigured ? 'configuration' : null),
    }
  })
}

async function fromInstance(kind: Kind, url: string): Promise<readonly ShownPause[]> {
  const body = await overHttp(url, `/api/${kind.command}`)
  const rows =
    kind.command === 'queues'
      ? (body['data'] ?? [])
      : [...asRows(body['subscriptions']), ...asRows(body['publications'])]
  return asRows(rows).map((row) => {
    const pause = asRow(row['pause'])
    const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
    return {
      name: text(row['address']) ?? text(row['name']) ?? '',
      paused: row['pause'] !== null,
      by: text(pause['by']),
      on: text(pause['on']),
      reason: text(pause['reason']),
    }
  })
}

function addressesOf({ subscriptions, publications }: Configuration): readonly string[] {
  const all = [...subscriptions, ...publications]
  return [...new Set(all.map(({ protocol, name }) => addressOf(protocol, name)))].sort()
}

function asRow(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function asRows(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(asRow) : []
}

/** Of a container that runs as a user without a name it cannot be told. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
