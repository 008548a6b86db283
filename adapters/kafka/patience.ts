/** Resolves with the end of `work`, good or bad, or after `limitMs` without it: what has no server to speak to may take for ever. */
export async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work.then(nothing, nothing), patience])
  clearTimeout(timer)
}

function nothing(): void {
  // Neither its answer nor its error is of use any more.
}
