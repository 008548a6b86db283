/** One line that keeps an invariant, and the test that must fail without it. */
export interface Sabotage {
  /** The invariant of docs/architecture.md, by its number, and what the line does for it. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly line: string
  /** What takes its place; mostly nothing. */
  readonly instead: string
  readonly testFile: string
  /** A part of the full name of the test. */
  readonly test: string
  /** Its test needs servers of its own, or waits for long once it is broken: for the long form alone. */
  readonly long?: true
}
