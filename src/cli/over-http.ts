import { CrossdockError, errorMessage } from '../domain/errors.ts'

/** An instance that does not answer within this time is away, in milliseconds. */
const LIMIT_MS = 15_000

/**
 * Asks a running instance; a request with a body is a POST unless told otherwise. A body that is text is sent as it is.
 * @throws CrossdockError `usage` with what it answered, or why it did not
 */
export async function overHttp(
  url: string,
  path: string,
  {
    body,
    method = body === undefined ? 'GET' : 'POST',
  }: {
    readonly body?: object | string
    readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const address = URL.parse(path, url)
  if (address === null) throw new CrossdockError('usage', `--url ${url} is no address`)
  let response: Response
  let answer: unknown
  try {
    response = await fetch(address, {
      method,
      signal: AbortSignal.timeout(LIMIT_MS),
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    })
    answer = response.status === 204 ? {} : await response.json()
  } catch (cause) {
    const why = `${url} did not answer as Crossdock does: ${errorMessage(cause)}`
    throw new CrossdockError('usage', why, { cause })
  }
  const fields: Readonly<Record<string, unknown>> =
    typeof answer === 'object' && answer !== null ? { ...answer } : {}
  if (response.ok) return fields
  const { detail } = fields
  throw new CrossdockError(
    'usage',
    `${url} answered ${response.status}${typeof detail === 'string' ? `: ${detail}` : ''}`,
  )
}
