import { verifyApiKey } from './api-key.ts'
import { verifyGithub } from './github.ts'
import { toleranceMs, type VerifyOptions } from './options.ts'
import { ANYBODY, type Verify } from './proof.ts'
import { namedSecrets } from './secrets.ts'
import { verifyStandardWebhooks } from './standard-webhooks.ts'

/** What verifies the requests of a subscription; without `verify` in its options nothing does. */
export function createVerify(options: VerifyOptions | undefined): Verify {
  if (options === undefined) return ANYBODY
  const secrets = namedSecrets(options.secrets)
  switch (options.type) {
    case 'standard-webhooks':
      return verifyStandardWebhooks({
        secrets,
        toleranceMs: toleranceMs(options),
        now: Date.now,
      })
    case 'github':
      return verifyGithub({ secrets })
    case 'api_key':
      return verifyApiKey({ secrets })
  }
}
