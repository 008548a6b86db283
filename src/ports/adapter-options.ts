import { z } from 'zod'
import { DURATION_TEXT, durationMs, durationText } from '../domain/duration.ts'

/**
 * The schema of a duration among the options of an adapter: a number of seconds, or text such as `250ms`,
 * `30s`, `5m`. Its output is milliseconds.
 */
export function durationOption({
  minMs,
  maxMs,
}: {
  readonly minMs: number
  readonly maxMs: number
}) {
  return z
    .union([z.number(), z.string().regex(DURATION_TEXT)])
    .transform((input, context) => {
      const ms = durationMs(input, 's')
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms
      context.addIssue({ code: 'custom', message: 'out of range' })
      return z.NEVER
    })
    .meta({
      expects: `a duration: a number of seconds, or text such as "250ms", "30s", "5m", "2h"; from ${durationText(minMs)} to ${durationText(maxMs)}`,
      term: 'duration (s)',
    })
}

const pem = z
  .string()
  .regex(/-----BEGIN /)
  .meta({ expects: 'PEM text, usually "${file:PATH}"', term: 'PEM text' })

/** The schema of the certificates of a connection. */
export const tlsOption = z.strictObject({
  ca: pem.optional().describe("The authority that signed the server's certificate."),
  cert: pem.optional().describe('Our own certificate, where the server asks for one.'),
  key: pem.optional().describe('The private key of `cert`.'),
  server_name: z
    .string()
    .min(1)
    .optional()
    .describe('The name that the certificate must have, where it is not that of the address.'),
  reject_unauthorized: z
    .boolean()
    .prefault(true)
    .describe('false: accept any certificate. Never outside a trusted network.'),
})

/** Whether a text is the address of something on the web, without a name and password in it: those would be in the log. */
export function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isWeb = protocol === 'https:' || protocol === 'http:'
  return isWeb && hostname !== '' && username === '' && password === ''
}

/** The schema of an address where tokens are got. */
export const tokenUrlOption = z
  .string()
  .max(2_000)
  .refine(isWebAddress, {
    message: 'must be an address that begins with https:// or http://, without a name or password',
  })
  .meta({ expects: 'an address: https:// or http://', term: 'address' })
