import path from 'node:path'
import type { Configuration } from '../config/configuration.ts'
import { configurationFromObject, loadConfiguration } from '../config/load.ts'
import { loadHandlers } from '../handler-kit/load-folder.ts'
import { createRegistry } from '../handler-kit/registry.ts'
import { createLog } from '../observe/log.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import { adapters, mappingCheck } from './adapters.ts'

/** A part of an instance: the HTTP API, receiving and storing, running jobs, firing schedules. */
export type Part = 'api' | 'ingest' | 'worker' | 'scheduler'

/** How an instance is started. */
export interface StartOptions {
  /** A file, or the configuration itself; left out: found as the command does. */
  readonly config?: string | Readonly<Record<string, unknown>>
  /** These parts alone; default: all, `worker` and `scheduler` only where `jobs.enabled`. */
  readonly only?: readonly Part[]
  /** Work on these queues alone. */
  readonly queues?: readonly string[]
  /** Instead of `http.port`; 0: any free one. */
  readonly port?: number
  /** Default: the process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Handlers beside those of the folders in `jobs.handlers`. */
  readonly handlers?: readonly Handler[]
  /** Adapters of protocols, beside those that come with the program and instead of one of the same protocol. */
  readonly adapters?: readonly AdapterDefinition[]
  /** Instead of the one that `logging` describes. */
  readonly log?: Log
}

/** The configuration that the options name. */
export async function configurationOf(options: StartOptions): Promise<Configuration> {
  const { config, port, env = process.env } = options
  const common = { adapters: allAdapters(options), mappingCheck, env, port }
  const loaded =
    config === undefined || typeof config === 'string'
      ? await loadConfiguration({ ...common, path: config, cwd: process.cwd() })
      : await configurationFromObject(config, { ...common, directory: path.resolve('.') })
  return loaded.configuration
}

/** The adapters that come with the program, and those that the options bring. */
export function allAdapters({ adapters: own = [] }: StartOptions): readonly AdapterDefinition[] {
  const protocols = new Set(own.map(({ protocol }) => protocol))
  return [...adapters.filter(({ protocol }) => !protocols.has(protocol)), ...own]
}

/** The log that a configuration describes. */
export function logOf({ logging }: Configuration): Log {
  return createLog({
    level: logging.level,
    ...(logging.format !== 'auto' && { format: logging.format }),
  })
}

/** The parts that run. */
export function partsOf({ jobs }: Configuration, { only }: StartOptions): ReadonlySet<Part> {
  const running: readonly Part[] = jobs.enabled ? ['worker', 'scheduler'] : []
  return new Set(only ?? ['api', 'ingest', ...running])
}

/** The handlers of the folders, and those that the options bring. */
export async function allHandlers(
  { jobs }: Configuration,
  options: StartOptions,
  log: Log,
): Promise<HandlerRegistry> {
  const found = await loadHandlers({ folders: jobs.handlerFolders, log })
  const own = options.handlers ?? []
  if (own.length === 0) return found
  return createRegistry([...own, ...found.names().flatMap((name) => found.get(name) ?? [])])
}
