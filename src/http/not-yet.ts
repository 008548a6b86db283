/**
 * Addresses of the contract that this version does not answer. Each also fits a route that is there,
 * and would be taken for a job called `stats`, or answered that GET is the wrong method.
 */
const NOT_YET = new Set([
  'GET /api/jobs',
  'GET /api/jobs/stats',
  'POST /api/jobs/batch',
  'POST /api/jobs/retry',
  'POST /api/jobs/cancel',
  'DELETE /api/jobs/cleanup',
])

/** Whether an address comes with a later version: until then it is 404 like any that is unknown. */
export function isNotYet(method: string, path: string): boolean {
  return NOT_YET.has(`${method} ${path}`)
}
