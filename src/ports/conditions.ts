/** What became of one evaluation of a condition. */
export type ConditionResult =
  | { readonly kind: 'answered'; readonly holds: boolean }
  | {
      readonly kind: 'failed'
      /** In one sentence, for `lasterror`. */
      readonly reason: string
      /** It used up its limit: it is not asked beside others next time. */
      readonly timedOut: boolean
    }

/**
 * Evaluates conditions of schedules, each on a connection of its own that is thrown away afterwards, inside a
 * transaction that is rolled back.
 */
export interface Conditions {
  /** Never rejects. May be called any number of times at once; who calls limits how many. */
  evaluate(text: string): Promise<ConditionResult>
}

/** Renders the templates of payloads. */
export interface PayloadTemplates {
  /**
   * The payload that a template makes of a tick. Text that holds no `{{` is given back as it is.
   * @throws CrossdockError `input_invalid` where the template is wrong or fails, in words for `lasterror`;
   *   `mapping_unavailable` and `instance_stopping` (retryable) where it cannot be evaluated now
   */
  render(template: string, tick: TemplateTick): Promise<string>
}

/** What a template sees. */
export interface TemplateTick {
  /** Milliseconds since 1970. */
  readonly scheduledFor: number
  /** The database's clock, in milliseconds since 1970. */
  readonly now: number
  readonly schedule: {
    readonly id: string
    readonly name: string
    /** Ticks fired before this one. */
    readonly executions: number
    readonly timezone: string
  }
}
