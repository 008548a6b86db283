import { createHmac } from 'node:crypto'
import { headerValues } from './header-values.ts'
import { refuse, type Verify } from './proof.ts'
import { isSame, type NamedSecret } from './secrets.ts'

/**
 * Webhooks of GitHub, and of those that sign as it does: `X-Hub-Signature-256` is `sha256=` and the
 * hexadecimal HMAC-SHA256 of the body. The body alone is signed: there is no time, so nothing expires,
 * and the id of the delivery can be changed by whoever has a signed body.
 * Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function verifyGithub({ secrets }: { readonly secrets: readonly NamedSecret[] }): Verify {
  return (request) => {
    const signatures = headerValues(request, 'x-hub-signature-256')
    const [signature = ''] = signatures
    if (signature === '') return refuse('missing')
    if (signatures.length > 1) return refuse('invalid')
    // Every one is looked at, whichever matches.
    const [match] = secrets.filter(({ secret }) => {
      const expected = createHmac('sha256', secret).update(request.body).digest('hex')
      return isSame(signature, `sha256=${expected}`)
    })
    return match === undefined ? refuse('invalid') : { ok: true, sender: match.sender }
  }
}
