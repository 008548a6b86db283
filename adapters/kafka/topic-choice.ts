/** Which topics of a cluster a subscription takes. */
export interface TopicChoice {
  /** Sorted. */
  readonly topics: readonly string[]
  /** Named, and not there. */
  readonly missing: readonly string[]
}

/** Names are taken as they are; patterns match the whole name, and never a topic of Kafka's own. */
export function chooseTopics(
  existing: readonly string[],
  wanted: readonly (string | RegExp)[],
): TopicChoice {
  const there = new Set(existing)
  const named = wanted.filter((one) => typeof one === 'string')
  const patterns = wanted
    .filter((one) => one instanceof RegExp)
    .map(({ source, flags }) => new RegExp(`^(?:${source})$`, flags.replaceAll(/[gy]/g, '')))
  const matching = existing.filter(
    (topic) => !topic.startsWith('__') && patterns.some((pattern) => pattern.test(topic)),
  )
  return {
    topics: [...new Set([...named.filter((topic) => there.has(topic)), ...matching])].sort(),
    missing: named.filter((topic) => !there.has(topic)),
  }
}
