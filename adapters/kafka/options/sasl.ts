import { z } from 'zod'
import { tokenUrlOption } from '../../../src/ports/adapter-options.ts'

/** The keys of each mechanism: those that it needs, and those that it may have. */
const PASSWORD = { needs: ['username', 'password'], may: [] } as const
const KEYS = {
  plain: PASSWORD,
  'scram-sha-256': PASSWORD,
  'scram-sha-512': PASSWORD,
  oauthbearer: {
    needs: [],
    may: ['token', 'token_url', 'client_id', 'client_secret', 'scope', 'audience'],
  },
} as const

/** What `token_url` needs beside itself. */
const GRANT = ['client_id', 'client_secret'] as const
/** What is of no use beside a fixed token. */
const FOR_GRANT = ['token_url', 'client_id', 'client_secret', 'scope', 'audience'] as const

const text = z.string().min(1).max(10_000)

/** How a connection signs in: `sasl`. One object for every mechanism, so that a mistake is told at its key. */
export const saslOptions = z
  .strictObject({
    mechanism: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'])
      .describe('How we sign in. `plain` sends the password as it is: never without `tls`.'),
    username: text.optional().describe('For `plain` and `scram-…`.'),
    password: text.optional().describe('For `plain` and `scram-…`.'),
    token: text
      .regex(/^[\x21-\x7e]+$/)
      .meta({ expects: 'a token, without spaces and line ends' })
      .optional()
      .describe('For `oauthbearer`: a token that does not change.'),
    token_url: tokenUrlOption
      .optional()
      .describe('For `oauthbearer`: where tokens are got by the client credentials grant.'),
    client_id: text.optional().describe('For `token_url`.'),
    client_secret: text.optional().describe('For `token_url`.'),
    scope: text.optional().describe('For `token_url`: what is asked for, separated by spaces.'),
    audience: text
      .optional()
      .describe('For `token_url`: whom the token is for, where the server asks.'),
  })
  .superRefine((sasl, context) => {
    const { needs, may } = KEYS[sasl.mechanism]
    const allowed: readonly string[] = ['mechanism', ...needs, ...may]
    const report = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    for (const key of needs) {
      if (sasl[key] === undefined) {
        report([], `sasl of the mechanism ${sasl.mechanism} needs ${key}; add it`)
      }
    }
    for (const [key, value] of Object.entries(sasl)) {
      if (value === undefined || allowed.includes(key)) continue
      report([key], `is not for the mechanism ${sasl.mechanism}; remove it`)
    }
    if (sasl.mechanism !== 'oauthbearer') return
    if (sasl.token === undefined && sasl.token_url === undefined) {
      report([], 'sasl of the mechanism oauthbearer needs token or token_url; add one')
    }
    if (sasl.token !== undefined) {
      for (const key of FOR_GRANT) {
        if (sasl[key] !== undefined) report([key], 'cannot stand beside token; remove one')
      }
      return
    }
    for (const key of GRANT) {
      if (sasl.token_url !== undefined && sasl[key] === undefined) {
        report([], `token_url needs ${key}; add it`)
      }
    }
  })

/** Checked options of `sasl`. They hold secrets. */
export type SaslOptions = z.output<typeof saslOptions>
