import {
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser'
import type { KeyPath } from './key-path.ts'
import type { Position, ProblemList } from './problem.ts'

/** What the parser's codes mean to whoever wrote the file. */
const SYNTAX: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this word is no JSON value; put text in double quotes',
  InvalidNumberFormat: 'this is no number as JSON writes it',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here, between key and value',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing } is missing',
  CloseBracketExpected: 'a closing ] is missing',
  EndOfFileExpected:
    'the configuration has ended before this; remove what follows, or a } too many',
  InvalidCommentToken: 'this comment does not end or begin properly',
  UnexpectedEndOfComment: 'this comment has no end; close it with */',
  UnexpectedEndOfString: 'this text has no end; close it with a double quote',
  UnexpectedEndOfNumber: 'this number has no end',
  InvalidUnicode: 'this is no Unicode escape; write \\u and four hexadecimal digits',
  InvalidEscapeCharacter: 'this is no escape; write \\\\ for a backslash',
  InvalidCharacter: 'this character is not allowed here; in text, write it as an escape',
}

/** The text of a configuration, parsed: JSON with comments and trailing commas. */
export class ConfigurationDocument {
  readonly root: Node
  readonly #text: string

  private constructor(text: string, root: Node) {
    this.#text = text
    this.root = root
  }

  /**
   * Parses `text`. Mistakes of syntax go to `problems` and end there: what stands behind a missing
   * bracket cannot be judged.
   * @throws CrossdockError `config_invalid`
   */
  static parse(text: string, problems: ProblemList): ConfigurationDocument {
    const errors: ParseError[] = []
    const withoutMark = text.replace(/^\uFEFF/, '')
    const root = parseTree(withoutMark, errors, { allowTrailingComma: true })
    for (const error of errors) {
      const name = printParseErrorCode(error.error)
      problems.add([], positionAt(withoutMark, error.offset), SYNTAX[name] ?? `not JSON (${name})`)
    }
    if (root?.type !== 'object') {
      const position = positionAt(withoutMark, root?.offset ?? 0)
      if (errors.length === 0 || root !== undefined) {
        problems.add([], position, 'a configuration is an object; begin with {')
      }
    }
    problems.throwIfAny()
    // parseTree gives no root only for an empty text, which has been reported above.
    return new ConfigurationDocument(withoutMark, root ?? { type: 'object', offset: 0, length: 0 })
  }

  /** Where the value at `path` begins; where it is missing, the nearest value around it. */
  positionOf(path: KeyPath): Position {
    for (let length = path.length; length > 0; length--) {
      const node = findNodeAtLocation(this.root, path.slice(0, length))
      if (node !== undefined) return this.positionOfNode(node)
    }
    return this.positionOfNode(this.root)
  }

  /** Where a node of the tree begins. */
  positionOfNode(node: Node): Position {
    return positionAt(this.#text, node.offset)
  }
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
