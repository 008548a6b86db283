const MAX_TOPIC_BYTES = 65_535
const SHARED = /^\$share\/([^/+#]+)\/(.+)$/

/** What is wrong with a topic filter, in words; `undefined`: nothing. Source: MQTT 5, section 4.7. */
export function filterProblem(filter: string): string | undefined {
  const text = textProblem(filter)
  if (text !== undefined) return text
  if (filter.startsWith('$share/') && !SHARED.test(filter)) {
    return 'must be $share/GROUP/TOPIC, the group without "/", "+" and "#"'
  }
  const levels = sharedBy(filter).split('/')
  for (const [index, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || index < levels.length - 1)) {
      return '"#" stands for all further levels: it must be the whole last one'
    }
    if (level.includes('+') && level !== '+') {
      return '"+" stands for one level: it must be the whole of it'
    }
  }
  return undefined
}

/** What is wrong with the name of a topic to publish to, in words; `undefined`: nothing. */
export function topicNameProblem(topic: string): string | undefined {
  return (
    textProblem(topic) ??
    (/[+#]/.test(topic) ? 'must not hold "+" or "#", which stand in subscriptions only' : undefined)
  )
}

/** Whether a filter shares its messages with others of its group. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/')
}

/** Whether some topic matches both filters. A shared one is served apart from all others. */
export function filtersOverlap(one: string, other: string): boolean {
  if (groupOf(one) !== groupOf(other)) return false
  return levelsOverlap(sharedBy(one).split('/'), sharedBy(other).split('/'))
}

/** Filters that begin with a wildcard take no topic that begins with "$": section 4.7.2. */
function levelsOverlap(one: readonly string[], other: readonly string[]): boolean {
  if (one[0]?.startsWith('$') !== other[0]?.startsWith('$')) return false
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const [a, b] = [one[index], other[index]]
    // "a/#" takes "a" itself as well.
    if (a === '#' || b === '#') return true
    if (a === undefined || b === undefined) return false
    if (a !== b && a !== '+' && b !== '+') return false
  }
  return true
}

function groupOf(filter: string): string | undefined {
  return SHARED.exec(filter)?.[1]
}

function sharedBy(filter: string): string {
  return SHARED.exec(filter)?.[2] ?? filter
}

function textProblem(text: string): string | undefined {
  if (text === '') return 'must not be empty'
  if (Buffer.byteLength(text) > MAX_TOPIC_BYTES) {
    return `must not be longer than ${MAX_TOPIC_BYTES} bytes`
  }
  if (text.includes('\0') || !text.isWellFormed()) return 'must be text without NUL'
  return undefined
}
