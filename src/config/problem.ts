import { CrossdockError } from '../domain/errors.ts'
import { type KeyPath, pathText } from './key-path.ts'

/** One mistake in a configuration. */
export interface ConfigurationProblem {
  /** Dotted; empty for the configuration as a whole. */
  readonly path: string
  /** What is wrong and what to do. Never holds a value that came from a reference. */
  readonly message: string
  /** The file, as shown to the user; left out for a configuration given as an object. */
  readonly file?: string
  /** From 1; left out with `file`. */
  readonly line?: number
  /** From 1, in UTF-16 units as editors count; left out with `file`. */
  readonly column?: number
}

/** Where a key or a value begins in its file. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Gathers the problems of one configuration, so that all of them come at once. */
export class ProblemList {
  readonly #file: string | undefined
  readonly #problems: ConfigurationProblem[] = []

  /** @param file as shown to the user; `undefined`: there is no file, and positions are left out */
  constructor(file: string | undefined) {
    this.#file = file
  }

  /** Notes a problem. The same sentence about the same place is noted once. */
  add(path: KeyPath, position: Position, message: string): void {
    const text = pathText(path)
    if (this.#problems.some((other) => other.path === text && other.message === message)) return
    const place = this.#file === undefined ? {} : { file: this.#file, ...position }
    this.#problems.push({ path: text, message, ...place })
  }

  /** Ends with every problem that was noted, in the order of the file; goes on when there is none. */
  throwIfAny(): void {
    if (this.#problems.length === 0) return
    const problems = this.#problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    )
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const lines = problems.map((problem) => `  ${problemText(problem)}`).join('\n')
    throw new CrossdockError('config_invalid', `The configuration has ${count}:\n${lines}`, {
      details: { problems },
    })
  }
}

/** One problem as one line: `file:line:column path: what is wrong, what to do`. */
function problemText({ file, line, column, path, message }: ConfigurationProblem): string {
  const place = file === undefined ? '' : `${file}:${line ?? 1}:${column ?? 1} `
  return path === '' ? `${place}${message}` : `${place}${path}: ${message}`
}
