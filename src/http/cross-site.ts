import type { HttpRequest } from '../ports/http-host.ts'

/**
 * Whether a page of another site made the browser send this request. Browsers say so in
 * `Sec-Fetch-Site`, older ones in `Origin`; other clients send neither. Needed besides the demand for
 * `application/json`: a page can send a body without any content type, and a GET.
 * Source: W3C Fetch Metadata Request Headers; RFC 6454, section 7.
 */
export function isCrossSite({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = headers['origin']
  if (origin === undefined) return false
  const page = URL.parse(String(origin))
  const own = URL.parse(`${page?.protocol ?? 'http:'}//${String(headers['host'])}`)
  return page === null || own === null || page.host !== own.host
}
