import { z } from 'zod'
import { tokenUrlOption } from '../../src/ports/adapter-options.ts'
import { HEADER_NAME, HEADER_TEXT } from './option-values.ts'

/** The keys of each type: those that it needs, and those that it may have. */
const KEYS = {
  basic: { needs: ['username', 'password'], may: [] },
  bearer: { needs: ['token'], may: [] },
  api_key: { needs: ['header', 'value'], may: [] },
  oauth2: {
    needs: ['token_url', 'client_id', 'client_secret'],
    may: ['scope', 'audience', 'style'],
  },
} as const

/** Keys whose values become headers as they are. */
const HEADER_VALUES = ['token', 'value'] as const

const text = z.string().min(1).max(10_000)

/** How a connection shows who sends: `auth`. One object for every type, so that a mistake is told at its key. */
export const authOptions = z
  .strictObject({
    type: z
      .enum(['basic', 'bearer', 'api_key', 'oauth2'])
      .describe('How we show who we are; `oauth2` is the client credentials grant.'),
    username: text.optional().describe('For `basic`.'),
    password: text.optional().describe('For `basic`.'),
    token: text.optional().describe('For `bearer`.'),
    header: z
      .string()
      .regex(HEADER_NAME, 'must be the name of a header')
      .optional()
      .describe('For `api_key`: the header that carries the key.'),
    value: text.optional().describe('For `api_key`: the key.'),
    token_url: tokenUrlOption.optional().describe('For `oauth2`: where tokens are got.'),
    client_id: text.optional().describe('For `oauth2`.'),
    client_secret: text.optional().describe('For `oauth2`.'),
    scope: text.optional().describe('For `oauth2`: what is asked for, separated by spaces.'),
    audience: text
      .optional()
      .describe('For `oauth2`: whom the token is for, where the server asks.'),
    style: z
      .enum(['basic', 'body'])
      .optional()
      .describe(
        'For `oauth2`: whether the client id and secret go into the `Authorization` header or into the body. Left out: `basic`.',
      ),
  })
  .superRefine((auth, context) => {
    const { needs, may } = KEYS[auth.type]
    const allowed: readonly string[] = ['type', ...needs, ...may]
    const report = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    for (const key of needs) {
      if (auth[key] === undefined) report([], `auth of the type ${auth.type} needs ${key}; add it`)
    }
    for (const [key, value] of Object.entries(auth)) {
      if (value === undefined || allowed.includes(key)) continue
      report([key], `is not for the type ${auth.type}; remove it`)
    }
    for (const key of HEADER_VALUES) {
      const value = auth[key]
      if (value === undefined || HEADER_TEXT.test(value)) continue
      report([key], 'has characters that no header can carry; look for a line end in its middle')
    }
    if (auth.type === 'basic' && auth.username?.includes(':') === true) {
      report(['username'], 'must not hold a colon: the password begins at the first one')
    }
  })

/** Checked options of `auth`. They hold secrets. */
export type AuthOptions = z.output<typeof authOptions>
