/** What to count. */
export interface BacklogRequest {
  readonly queue: string
  /** At least 1. */
  readonly limit: number
}

/** Counts what waits. */
export interface BacklogCounter {
  /**
   * How many jobs of a queue wait, counted up to `limit`: Pending, Queued, Retrying and Scheduled ones. A store may
   * count fewer of the last three where other queues have very many of them.
   */
  countBacklog(request: BacklogRequest): Promise<number>
}
