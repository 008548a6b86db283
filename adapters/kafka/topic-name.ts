/** The longest name of a topic, in characters. */
const MAX_CHARACTERS = 249

/**
 * What is wrong with the name of a topic, as words after it; `undefined`: nothing.
 * Source: `org.apache.kafka.common.internals.Topic`.
 */
export function topicNameProblem(name: string): string | undefined {
  if (name === '') return 'must not be empty'
  if (name.length > MAX_CHARACTERS) return `must have at most ${MAX_CHARACTERS} characters`
  if (name === '.' || name === '..') return 'must not be . or ..'
  if (!/^[\w.-]+$/.test(name)) {
    return 'must be of letters, digits, dots, dashes and underscores; a subscription takes a pattern as {"pattern": "…"}'
  }
  return undefined
}
