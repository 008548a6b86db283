/** Where a value stands: the keys and indexes that lead to it. */
export type KeyPath = readonly (string | number)[]

/** A path as people write it: `integrations.http.subscriptions[0].path`. */
export function pathText(path: KeyPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[\w$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: KeyPath, ancestor: KeyPath): boolean {
  return ancestor.every((step, index) => path[index] === step)
}
