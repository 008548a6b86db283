import { z } from 'zod'
import { verifyOptions } from './verify/options.ts'

const LITERAL = '[A-Za-z0-9_~@+,=-][A-Za-z0-9._~@+,=-]*'
const PARAMETER = ':[A-Za-z][A-Za-z0-9_]*'
const PATH = new RegExp(`^/(?:(?:${LITERAL}|${PARAMETER})(?:/(?:${LITERAL}|${PARAMETER}))*)?$`)

/** What a subscription of `integrations.http` says beyond the common keys. */
export const httpSubscriptionOptions = z.strictObject({
  path: z
    .string()
    .max(1000)
    .regex(
      PATH,
      'must begin with "/", hold no empty part, and be made of letters, digits and . _ ~ @ + , = -; a whole part may be a ":name"',
    )
    .refine((path) => {
      const names = path.match(/:\w+/g) ?? []
      return new Set(names).size === names.length
    }, 'must not name two parts alike: the second would take the place of the first')
    .describe('Where requests come in, such as /in/orders or /in/:shop/orders.'),
  method: z
    .enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
    .default('POST')
    .describe('The one method that the path takes.'),
  verify: verifyOptions.optional().describe('Who may send. Left out: whoever reaches the address.'),
})

/** Checked options of a subscription. */
export type HttpSubscriptionOptions = z.output<typeof httpSubscriptionOptions>
