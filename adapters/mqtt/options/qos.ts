import { z } from 'zod'

/** The schema of a quality of service. */
export const qualityOfService = z
  .union([z.literal(0), z.literal(1), z.literal(2)])
  .meta({ expects: '0, 1 or 2', term: '`0`, `1`, `2`' })
