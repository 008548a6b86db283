import { z } from 'zod'

/** Artemis: how an address that is named without `/queue/` or `/topic/` gives out its messages. */
export const routingOption = z
  .enum(['anycast', 'multicast'])
  .optional()
  .describe(
    'Artemis: `anycast` (a queue) or `multicast` (a topic); the destination is then taken as it is, also with a slash at its begin. Left out: `/queue/` and `/topic/` say it, and without them the broker decides.',
  )
