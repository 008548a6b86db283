import { headerValues } from './header-values.ts'
import { refuse, type Verify } from './proof.ts'
import { isSame, type NamedSecret } from './secrets.ts'

const BEARER = /^bearer +(\S+)$/i

/**
 * A key that comes with each request: `X-API-Key: KEY`, else `Authorization: Bearer KEY`. Other schemes
 * of `Authorization` are somebody else's, such as a proxy's, and count as none. It proves who sends, and
 * nothing about the body or the time.
 * Source: RFC 6750, section 2.1, for the form of `Authorization`.
 */
export function verifyApiKey({ secrets }: { readonly secrets: readonly NamedSecret[] }): Verify {
  return (request) => {
    const own = headerValues(request, 'x-api-key').filter((value) => value !== '')
    const authorization = headerValues(request, 'authorization')
    const bearer = authorization.flatMap((value) => BEARER.exec(value)?.[1] ?? [])
    const given = own.length > 0 ? own : bearer
    const [key] = given
    if (key === undefined) return refuse('missing')
    if (given.length > 1) return refuse('invalid')
    // Every one is looked at, whichever matches.
    const [match] = secrets.filter(({ secret }) => isSame(key, secret))
    return match === undefined ? refuse('invalid') : { ok: true, sender: match.sender }
  }
}
