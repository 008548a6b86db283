import { expect, it } from 'vitest'
import { canDeferAcknowledgements } from '../../../adapters/mqtt/acknowledgement-check.ts'

it('the installed mqtt lets acknowledgements wait: what is tried at each start holds', async () => {
  expect(await canDeferAcknowledgements()).toBe(true)
})
