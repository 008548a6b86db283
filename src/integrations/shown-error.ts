import { errorMessage } from '../domain/errors.ts'

/** Longer messages are cut. */
const MAX_CHARACTERS = 300

/** The text of an error for health and logs: without the user and the password of an address, and not too long. */
export function shownError(error: unknown): string {
  return errorMessage(error)
    .replaceAll(/\/\/[^/@\s]+@/g, '//***@')
    .slice(0, MAX_CHARACTERS)
}
