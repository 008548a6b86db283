import { z } from 'zod'
import type { InputProblem } from '../ports/adapter.ts'
import { readJsonBody } from '../ports/http-body.ts'
import type { HttpRequest, HttpResponse } from '../ports/http-host.ts'
import type { Pause, Pauses } from '../ports/pauses.ts'
import { columnText } from './column-text.ts'
import { inputProblem } from './problem.ts'
import { snakeCaseKeys } from './snake-case.ts'

/** The body of a request to pause or to resume. It may be left out. */
const bodySchema = z.strictObject({ reason: columnText(500).optional() })

/** Who asks, as long as nobody is asked who he is. */
const BY_HTTP = 'http'

/** Pauses or resumes an address that is known to be there, and says how it stands. */
export async function changePause(
  request: HttpRequest,
  pauses: Pick<Pauses, 'change' | 'find'>,
  { address, paused }: { readonly address: string; readonly paused: boolean },
): Promise<HttpResponse> {
  let reason: string | undefined
  if (request.body.length > 0) {
    const json = readJsonBody(request)
    if (!json.ok) return json.problem
    const checked = bodySchema.safeParse(json.value.parsed)
    if (!checked.success) return inputProblem(checked.error.issues.map(problemOf))
    reason = checked.data.reason
  }
  await pauses.change({ address, paused, changedBy: BY_HTTP, reason: reason ?? null })
  const pause = pauseJson(pauses.find(address))
  return { status: 200, body: { address, paused: pause !== null, pause } }
}

/** A pause as the API shows it; `null`: there is none. */
export function pauseJson(pause: Pause | undefined): object | null {
  return pause === undefined ? null : (snakeCaseKeys(pause) as object)
}

function problemOf({ path, message }: z.core.$ZodIssue): InputProblem {
  return { path: path.map(String).join('.'), message }
}
