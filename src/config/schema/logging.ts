import { z } from 'zod'

/** The schema of `logging`. */
export const loggingSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .prefault('info')
      .describe('The least important line that is written.'),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .prefault('auto')
      .describe('`auto`: `pretty` on a terminal, else `json`, one object a line.'),
  })
  .prefault({})
  .describe('The log, written to standard error.')
