import { z } from 'zod'
import type { DeadLetterFilter } from '../ports/dead-letters.ts'
import { columnText } from './column-text.ts'

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text))

/** Which dead letters are meant, in a query and in a body. */
export const deadLetterFilterShape = {
  handler: columnText(255).optional(),
  protocol: columnText(50).optional(),
  subscription: columnText(255).optional(),
  dead_reason: columnText(255).optional(),
  tenant_id: columnText(255).optional(),
  from: time.optional(),
  to: time.optional(),
}

/** The same in the program's own words. */
export function filterOf(
  given: z.output<z.ZodObject<typeof deadLetterFilterShape>>,
): DeadLetterFilter {
  const { dead_reason: deadReason, tenant_id: tenantId, ...rest } = given
  return { ...rest, deadReason, tenantId }
}
