import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** Takes the exit code of a command that has run. */
export type Finish = (exitCode: number) => void

/** Adds one command to the program; `finish` is told the exit code when it has run. */
export type AddCommand = (program: Command, terminal: Terminal, finish: Finish) => void
