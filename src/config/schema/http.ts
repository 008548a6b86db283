import { z } from 'zod'
import { byteSize } from '../byte-size.ts'

const MIB = 1024 * 1024

/** The schema of `http`. */
export const httpSchema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .meta({ expects: 'a host name or an address' })
      .prefault('127.0.0.1')
      .describe(
        'Address to listen on. One that others can reach needs authentication, or `auth.allow_anonymous`.',
      ),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .prefault(8080)
      .describe('Port to listen on. 0: any free port.'),
    body_limit: byteSize({ max: 64 * MIB })
      .prefault('1mb')
      .describe('The largest body of a request. A larger one is answered 413.'),
  })
  .prefault({})
  .describe('The HTTP server.')

/** The schema of `auth`. */
export const authSchema = z
  .strictObject({
    mode: z.enum(['none']).prefault('none').describe('How callers prove who they are.'),
    allow_anonymous: z
      .boolean()
      .prefault(false)
      .describe('true: serve everybody who can reach the port, also beyond this machine.'),
  })
  .prefault({})
  .describe('Who may call the HTTP server.')
