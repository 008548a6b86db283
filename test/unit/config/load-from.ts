import { z } from 'zod'
import { loadConfiguration, type LoadedConfiguration } from '../../../src/config/load.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import type { AdapterDefinition } from '../../../src/ports/adapter.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'

/** An adapter that is never started: its options alone matter here. */
export const httpAdapter: AdapterDefinition = {
  protocol: 'http',
  subscriptionOptions: z.strictObject({
    path: z.string().regex(/^\//, 'must begin with "/"').describe('Where requests come in.'),
    method: z.enum(['POST', 'PUT']).default('POST').describe('The method.'),
  }),
  connectionOptions: z.strictObject({
    base_url: z.url().describe('Where requests go.'),
  }),
  publicationOptions: z.strictObject({
    path: z.string().default('/').describe('Template of the path.'),
  }),
  templates: ['path'],
  subscriptionConnection: 'optional',
  start: () => Promise.reject(new Error('not started in unit tests')),
}

/** What surrounds a configuration's text. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  /** Files of `${file:PATH}`, by absolute path. */
  readonly files?: Readonly<Record<string, string>>
}

/** Loads a text as the configuration; this file is its stand-in on disk. */
export function load(
  text: string,
  { env = {}, files = {} }: Surroundings = {},
): Promise<LoadedConfiguration> {
  return loadConfiguration({
    // There must be a file for the loader to find; its text comes from readFile.
    path: import.meta.filename,
    cwd: import.meta.dirname,
    env,
    adapters: [httpAdapter],
    mappingCheck,
    readFile: async (file) => {
      if (file === import.meta.filename) return text
      const content = files[file.slice(import.meta.dirname.length + 1)]
      if (content === undefined) throw new Error('no such file')
      return content
    },
  })
}

/** The problems of a text, each as `line:column path: message`. */
export async function problemsOf(
  text: string,
  surroundings?: Surroundings,
): Promise<readonly string[]> {
  try {
    await load(text, surroundings)
    return []
  } catch (error) {
    if (!isCrossdockError(error, 'config_invalid')) throw error
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace('load-from.ts:', ''))
  }
}
