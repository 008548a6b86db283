import type { HttpRequest } from '../../../src/ports/http-host.ts'

/**
 * The values of a header, one for each time that it was sent. Read from the raw headers: of a repeated
 * one Node drops some and joins others, and what decides who is let in must not be put together here.
 * @param name in lower case
 */
export function headerValues(
  { rawHeaders }: Pick<HttpRequest, 'rawHeaders'>,
  name: string,
): readonly string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}
