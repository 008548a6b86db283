import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import type { MappingCheck } from '../ports/expressions.ts'
import type { Configuration } from './configuration.ts'
import { checkConnections, checkIntegrations, checkPublications } from './connections.ts'
import { checkAcrossKeys } from './cross-checks.ts'
import { ConfigurationDocument } from './document.ts'
import { findConfiguration } from './find.ts'
import { reportIssues } from './issues.ts'
import { checkMapping } from './mapping.ts'
import { checkEmbeddedBroker } from './embedded-broker.ts'
import { checkHttpPorts } from './http-ports.ts'
import { ProblemList } from './problem.ts'
import type { ReferenceSource } from './references.ts'
import { ResolvedDocument } from './resolve.ts'
import { checkRoutes } from './routes.ts'
import { schemaNode } from './schema-node.ts'
import { configurationSchema } from './schema/root.ts'
import { checkSubscriptions } from './subscriptions.ts'
import { toConfiguration } from './to-configuration.ts'

/** What every way of loading takes. */
interface CommonOptions {
  /** What may stand below `integrations`, and what their subscriptions say. */
  readonly adapters: readonly AdapterDefinition[]
  /** Judges the expressions and schemas of subscriptions. */
  readonly mappingCheck: MappingCheck
  readonly env: Readonly<Record<string, string | undefined>>
  /** Stands in for `http.port`, as `--port` does. */
  readonly port?: number | undefined
  /** Reads the configuration, schemas and the files of `${file:PATH}`; default: the file system. */
  readonly readFile?: ((file: string) => Promise<string>) | undefined
}

/** What {@link loadConfiguration} takes. */
export interface LoadOptions extends CommonOptions {
  /** The file; left out: CROSSDOCK_CONFIG, `./configuration.json`, `./config/configuration.json`. */
  readonly path?: string | undefined
  readonly cwd: string
}

/** What {@link configurationFromObject} takes. */
export interface ObjectOptions extends CommonOptions {
  /** What paths in the object are relative to. */
  readonly directory: string
}

/** A configuration, and what is needed to show it. */
export interface LoadedConfiguration {
  readonly configuration: Configuration
  /** What was given, references replaced, secrets masked; keys as in the file. */
  readonly masked: unknown
  /** Names of the variables that a value was made of, by its path: `http.port`. */
  readonly variables: ReadonlyMap<string, readonly string[]>
}

/**
 * Finds, reads and checks a configuration.
 * @throws CrossdockError `config_not_found`; `config_invalid`, whose message has every problem as
 *   `file:line:column path: …`, and `details.problems` the same as `ConfigurationProblem`s.
 */
export async function loadConfiguration(options: LoadOptions): Promise<LoadedConfiguration> {
  const file = await findConfiguration(options)
  const text = await readText(file, options)
  const fromHere = path.relative(options.cwd, file)
  const shownFile = fromHere.startsWith('..') ? file : fromHere
  return check({ ...options, text, file, shownFile, directory: path.dirname(file) })
}

/**
 * Checks a configuration given as an object, with the keys of the file, references included.
 * @throws CrossdockError `config_invalid`, as {@link loadConfiguration}, without positions.
 */
export async function configurationFromObject(
  object: object,
  options: ObjectOptions,
): Promise<LoadedConfiguration> {
  const text = jsonText(object)
  return check({ ...options, text, file: undefined, shownFile: undefined })
}

interface CheckOptions extends CommonOptions, ReferenceSource {
  readonly text: string
  readonly file: string | undefined
  readonly shownFile: string | undefined
}

async function check(options: CheckOptions): Promise<LoadedConfiguration> {
  const { adapters, env, directory, file, port } = options
  const problems = new ProblemList(options.shownFile)
  const document = ConfigurationDocument.parse(options.text, problems)
  const schema = configurationSchema(adapters)
  const resolved = await ResolvedDocument.of({
    document,
    schema: schemaNode(schema),
    problems,
    env,
    directory,
    readFile: options.readFile,
  })
  const parsed = schema.safeParse(resolved.value)
  if (!parsed.success) reportIssues(parsed.error.issues, resolved)
  const integrations = checkIntegrations(resolved, adapters)
  const connections = checkConnections(resolved, adapters)
  const subscriptions = checkSubscriptions(resolved, adapters)
  const publications = checkPublications(resolved, adapters)
  checkHttpPorts(resolved, { connections, subscriptions, publications })
  checkEmbeddedBroker(resolved, integrations, connections)
  checkAcrossKeys(resolved)
  const routeWarnings = checkRoutes(resolved)
  const mapping = await checkMapping(resolved, {
    adapters,
    check: options.mappingCheck,
    directory,
    readFile: options.readFile,
  })
  problems.throwIfAny()
  // Every issue of zod has been reported, or belongs to a value that was.
  if (!parsed.success) throw new CrossdockError('config_invalid', parsed.error.message)
  const source = {
    file,
    directory,
    port,
    integrations,
    connections,
    subscriptions,
    publications,
    mapping,
    routeWarnings,
    given: resolved.value,
  }
  return {
    configuration: toConfiguration(parsed.data, source),
    masked: resolved.masked,
    variables: resolved.variables,
  }
}

async function readText(file: string, { readFile: read }: CommonOptions): Promise<string> {
  try {
    return read === undefined ? await readFile(file, 'utf8') : await read(file)
  } catch (cause) {
    throw new CrossdockError(
      'config_invalid',
      `The configuration ${file} cannot be read: ${errorMessage(cause)}`,
      { cause },
    )
  }
}

function jsonText(object: object): string {
  try {
    return JSON.stringify(object, (_key, value: unknown) =>
      typeof value === 'function' || typeof value === 'symbol' ? null : value,
    )
  } catch (cause) {
    throw new CrossdockError(
      'config_invalid',
      `The configuration object cannot be written as JSON: ${errorMessage(cause)}. Give plain objects, lists, texts, numbers and booleans.`,
      { cause },
    )
  }
}
