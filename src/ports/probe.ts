/** What a connection was found to be. */
export interface ProbeFindings {
  /** What answered, in words: its kind and version. Never a password. */
  readonly facts: string
  /** What works, and is worth knowing. */
  readonly notes?: readonly string[]
}

/** A connection that the configuration names, and a way to try it: what `check --connect` goes through. */
export interface Probe {
  /** Such as `database`, or `redis 10.0.0.7:6379`: unique among the probes, and without a password. */
  readonly name: string
  /** What to do where it fails, as a sentence. */
  readonly advice: string
  /**
   * Connects, looks, changes nothing and disconnects.
   * @param signal aborted when it is waited for no longer: everything is to be let go
   * @throws any error, whose message says what is wrong
   */
  run(signal: AbortSignal): Promise<ProbeFindings>
}

/** What became of a probe. */
export type ProbeReport = { readonly name: string } & (
  | ({ readonly ok: true } & ProbeFindings)
  | { readonly ok: false; readonly reason: string; readonly advice: string }
)
