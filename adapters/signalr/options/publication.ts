import { z } from 'zod'
import type { Json } from '../../../src/domain/json.ts'

const template = z.string().min(1).max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

/** What a publication of `integrations.signalr` says beyond the common keys. */
export const signalrPublicationOptions = z.strictObject({
  method: template.describe('The method of the hub that is called.'),
  mode: z
    .enum(['invoke', 'send'])
    .prefault('invoke')
    .describe(
      '`invoke`: the hub confirms each message when its method has ended. `send`: nobody confirms anything; published means written to the connection.',
    ),
  args: z
    .array(z.json())
    .max(100)
    // By position: a list of templates closes up where one gives null.
    .transform((list): Readonly<Record<string, Json>> => Object.fromEntries(Object.entries(list)))
    .optional()
    .meta({ term: 'list of templates or JSON' })
    .describe(
      'The arguments: JSON whose texts are templates, such as `["{{ payload.room }}", "{{ payload }}", "{{ id }}"]`. Left out: the payload alone.',
    ),
})

/** Keys of a publication that are templates. */
export const SIGNALR_TEMPLATES = ['method', 'args'] as const

/** Checked options of a publication. */
export type SignalrPublicationOptions = z.output<typeof signalrPublicationOptions>
