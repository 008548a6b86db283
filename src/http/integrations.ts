import type { HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'
import type { IntegrationsReport } from '../ports/integrations.ts'
import type { Pauses } from '../ports/pauses.ts'
import { changePause } from './pause-request.ts'
import type { HttpResource, ResourceRequest } from './resource.ts'
import { snakeCaseKeys } from './snake-case.ts'

/** What the routes of integrations work with. */
export interface IntegrationsResourceOptions {
  readonly report: () => IntegrationsReport
  readonly pauses: Pick<Pauses, 'change' | 'find'>
}

/** `/api/integrations`: where messages come from and go to. */
export function createIntegrationsResource(options: IntegrationsResourceOptions): HttpResource {
  const change = async (request: ResourceRequest, paused: boolean): Promise<HttpResponse> => {
    const address = request.params['address'] ?? ''
    const { subscriptions, publications } = options.report()
    if (![...subscriptions, ...publications].some((one) => one.address === address)) {
      return httpProblem(
        'integration_not_found',
        'There is no subscription and no publication of this address, which is like mqtt:temps.',
      )
    }
    return await changePause(request, options.pauses, { address, paused })
  }
  return [
    {
      method: 'GET',
      path: '/api/integrations',
      handle: async () => ({ status: 200, body: snakeCaseKeys(options.report()) }),
    },
    {
      method: 'POST',
      path: '/api/integrations/:address/pause',
      handle: (request) => change(request, true),
    },
    {
      method: 'POST',
      path: '/api/integrations/:address/resume',
      handle: (request) => change(request, false),
    },
  ]
}
