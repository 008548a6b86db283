/** How far behind one line of a subscription is: of Kafka, a partition. */
export interface LineLag {
  /** `topic/partition` */
  readonly line: string
  /** Messages that the broker has and we have not stored; `null`: nobody can say yet. */
  readonly waiting: number | null
}
