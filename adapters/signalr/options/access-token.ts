import { z } from 'zod'
import { durationOption, isWebAddress } from '../../../src/ports/adapter-options.ts'

const TOKEN = /^[\x21-\x7e]+$/
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/
const HEADER_TEXT = /^[\x20-\x7e]*$/

const token = z
  .string()
  .regex(TOKEN)
  .meta({ expects: 'a token: visible ASCII, without spaces', term: 'token' })

/** The schema of headers by name. */
export const headersOption = z.record(
  z.string().regex(HEADER_NAME).meta({ expects: 'the name of a header' }),
  z.string().max(8_000).regex(HEADER_TEXT, 'must be ASCII, without line ends'),
)

const source = z.strictObject({
  url: z
    .string()
    .refine(isWebAddress, {
      message:
        'must be an address that begins with https:// or http://, without a name or password',
    })
    .meta({ expects: 'an address: https:// or http://', term: 'address' })
    .describe('Where tokens are got.'),
  form: z
    .record(z.string().min(1), z.string())
    .optional()
    .describe(
      'What is posted there, as a form: `grant_type`, `client_id`, `client_secret` and the like. Left out: a GET.',
    ),
  headers: headersOption.optional().describe('Headers of that request.'),
  field: z
    .string()
    .min(1)
    .prefault('access_token')
    .describe('The member of the JSON answer that is the token. An answer of plain text is one.'),
  timeout: durationOption({ minMs: 100, maxMs: 300_000 })
    .prefault(10)
    .describe('How long the answer may take.'),
})

/** The schema of an access token: one that stays, or where they are got. */
export const accessTokenOption = z.union([token, source])

/** A token that stays, or where tokens are got. It holds secrets. */
export type AccessTokenOption = z.output<typeof accessTokenOption>

/** Where tokens are got. */
export type TokenSource = Exclude<AccessTokenOption, string>
