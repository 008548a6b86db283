/** Thrown when a server that tests need cannot be had on this machine. */
export class ServiceUnavailable extends Error {
  override readonly name = 'ServiceUnavailable'
}

/**
 * Whether the run must fail without this service: `CROSSDOCK_TEST_REQUIRE` is a comma list of
 * names (`postgresql,redis`), or `all`.
 */
function isRequired(name: string): boolean {
  const names = (process.env['CROSSDOCK_TEST_REQUIRE'] ?? '').split(',').map((word) => word.trim())
  return names.includes(name) || names.includes('all')
}

/**
 * Says loudly that tests are skipped for want of a service.
 * @throws ServiceUnavailable where the service is required
 */
export function unavailable(name: string, reason: string): void {
  process.stderr.write(`\n!!! SKIPPED: ${name} is not available: ${reason}\n\n`)
  if (isRequired(name)) {
    throw new ServiceUnavailable(`${name} is in CROSSDOCK_TEST_REQUIRE, but: ${reason}`)
  }
}

/**
 * Starts a service for a suite; `undefined`, after {@link unavailable}, where it cannot be had.
 * Other failures are thrown: a server that is there and does not start is not to be skipped.
 * @throws ServiceUnavailable where the service is required
 */
export async function startOrSkip<T>(
  name: string,
  start: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error
    unavailable(name, error.message)
    return undefined
  }
}
