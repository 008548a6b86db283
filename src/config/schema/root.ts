import { z } from 'zod'
import type { AdapterDefinition } from '../../ports/adapter.ts'
import { cacheSchema } from './cache.ts'
import { databaseSchema } from './database.ts'
import { authSchema, httpSchema } from './http.ts'
import { instanceSchema } from './instance.ts'
import { integrationsSchema } from './integrations.ts'
import { jobsSchema } from './jobs.ts'
import { loggingSchema } from './logging.ts'
import { routesSchema } from './routes.ts'
import { schedulesSchema } from './schedules.ts'

/** The schema of a whole configuration, with what these adapters declare. */
export function configurationSchema(adapters: readonly AdapterDefinition[]) {
  return z
    .strictObject({
      $schema: z.string().optional().describe('Where editors find the schema of this file.'),
      instance: instanceSchema,
      database: databaseSchema,
      cache: cacheSchema,
      jobs: jobsSchema,
      http: httpSchema,
      auth: authSchema,
      schedules: schedulesSchema,
      integrations: integrationsSchema(adapters),
      routes: routesSchema,
      logging: loggingSchema,
    })
    .describe('Configuration of Crossdock.')
}

/** A configuration as zod puts it out: snake_case, defaults filled in, durations as numbers. */
export type ConfigurationOutput = z.output<ReturnType<typeof configurationSchema>>
