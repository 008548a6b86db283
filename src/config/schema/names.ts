import { z } from 'zod'

/** The schema of a name that goes into addresses, client ids and inbox keys. */
export function identifierName(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
    .meta({
      expects: `a name of at most ${maxLength} letters, digits, dots, dashes and underscores, a letter or digit first`,
      term: 'name',
    })
}

/** The schema of a reference to a subscription or a publication: `kafka:orders`. */
export const addressText = z
  .string()
  .max(200)
  .regex(/^[a-z]+:[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .meta({ expects: 'an address such as "kafka:orders": protocol, colon, name', term: 'address' })

/** The schema of a text that becomes the value of a column: not empty, at most `maxLength` characters. */
export function columnText(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .meta({
      expects: `a text of 1 to ${maxLength} characters`,
      term: 'string',
    })
}

/** The schema of a queue's name. */
export const queueName = columnText(100)

/** The schema of a handler's name. */
export const handlerName = columnText(255)

/** The schema of a number of workers; 0 is allowed. */
export const workerCount = z.int().min(0).max(1_000)

/** The schema of attempts after the first. */
export const retryCount = z.int().min(0).max(1_000_000)

/** The schema of a priority: higher runs first; it fits the column. */
export const priorityNumber = z.int().min(-1_000_000_000).max(1_000_000_000)
