import { describe, expect, it } from 'vitest'
import { brokenTrigger, translateError } from '../../../src/store/mysql/errors.ts'

const SYNTAX_ERROR = 1064

function serverError(errno: number, message: string): Error {
  return Object.assign(new Error(message), { errno })
}

describe('a syntax error', () => {
  it.each([
    "Unknown trigger has an error in its body: 'Query was empty'",
    "Unknown trigger has an error in its body: 'You have an error in your SQL syntax; check the manual'",
    "Trigger 'crossdock_queue_jobs_insert' has an error in its body: 'You have an error'",
    "Trigger 'audit' has an error in its body: 'You have an error'",
  ])('of a trigger that was read to no end is an outage: %s', (message) => {
    const error = serverError(SYNTAX_ERROR, message)
    expect(brokenTrigger(error)).toBe(true)
    expect(translateError(error)).toMatchObject({ code: 'database_unavailable', retryable: true })
    // Translated, it is known as well.
    expect(brokenTrigger(translateError(error))).toBe(true)
  })

  it.each([
    serverError(SYNTAX_ERROR, "You have an error in your SQL syntax near 'trigger'"),
    serverError(1146, 'Unknown trigger has an error in its body'),
    new Error('Unknown trigger has an error in its body'),
  ])('of a statement, or another error, is none: %s', (error) => {
    expect(brokenTrigger(error)).toBe(false)
  })
})
