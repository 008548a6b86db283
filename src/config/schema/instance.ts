import { z } from 'zod'
import { identifierName } from './names.ts'

/** The schema of `instance`. */
export const instanceSchema = z
  .strictObject({
    name: identifierName(64)
      .prefault('crossdock')
      .describe(
        'Name of the deployment, shared by its instances. Durable client ids come from it.',
      ),
    id: identifierName(200)
      .optional()
      .describe(
        'Name of this process in leases and histories. Left out: host, process id and a random part. A second live process with the same one ends.',
      ),
  })
  .prefault({})
  .describe('Who this process is.')
