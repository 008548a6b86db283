import { inspect } from 'node:util'
import { madeMessages } from '../app/made-messages.ts'
import type { TryReport } from './application.ts'
import { resultText } from './sql-result.ts'
import { succeeds } from './try-json.ts'

type Ending = TryReport['trial']['ending']

/** Longer values are cut: the whole of them is in `--json`. */
const MAX_VALUE_CHARACTERS = 200

/** Said instead of what was undone, and once more on standard error. */
export const STAYED =
  'WARNING: EFFECTS MAY HAVE STAYED IN THE DATABASE. A handler ended its transaction itself (COMMIT, or DDL on' +
  ' MySQL and MariaDB), wrote to a table without transactions, or its connection broke before that could be' +
  ' looked at. Look at the tables that it writes.'

/** A try, for people. */
export function tryText(report: TryReport): string {
  const { handler, job, trial } = report
  const of = job === undefined ? handler : `${handler}, job ${job.id} (${job.status})`
  return [
    `${succeeds(report) ? 'would succeed' : 'would fail'}: ${of}`,
    ...endingLines(trial.ending),
    field('time', `${Math.round(trial.durationMs)} ms`),
    field('undone', trial.rehearsal.mayHaveStayed ? STAYED : 'everything in the database'),
    ...rowLines(report),
    ...madeLines(report),
    ...trial.progress.map(({ current, total, message }) =>
      field('progress', `${current} of ${total}${message === null ? '' : `: ${oneLine(message)}`}`),
    ),
    ...trial.logs.map(({ level, message, fields }) =>
      field(
        'log',
        `${level}: ${oneLine(message)}${Object.keys(fields).length === 0 ? '' : ` ${oneLine(inspect(fields, { breakLength: Infinity }))}`}`,
      ),
    ),
  ].join('\n')
}

function endingLines(ending: Ending): readonly string[] {
  switch (ending.kind) {
    case 'completed':
      return [field('result', ending.result === null ? 'none' : cut(ending.result))]
    case 'failed':
      return [field('error', ending.error), field('then', `a dead letter: ${ending.deadReason}`)]
    case 'retry':
      return [
        field('error', ending.error),
        field('then', `tried again in ${duration(ending.delayMs)}`),
      ]
    case 'snoozed':
      return [field('snoozed', `it would run again in ${duration(ending.delayMs)}`)]
    case 'cancelled':
      return [field('cancelled', ending.reason)]
    case 'returned':
      return [field('stopped', 'it was told to stop, and would run again')]
  }
}

function rowLines({ trial: { rehearsal } }: TryReport): readonly string[] {
  const { touched } = rehearsal
  if (touched === undefined) return [field('rows', 'not known: its transaction was gone')]
  const part = touched.complete
    ? ''
    : ' (as far as tx.sql and tx.query answered: more may have been touched)'
  if (touched.tables.length === 0) return [field('rows', `none touched${part}`)]
  const table = resultText({
    command: 'SELECT',
    rowCount: touched.tables.length,
    columns: ['table', 'inserted', 'updated', 'deleted'],
    rows: touched.tables.map((one) => [one.table, one.inserted, one.updated, one.deleted]),
  })
  const lines = table.split('\n').slice(0, -1)
  return [field('rows', `touched${part}`), ...lines.map((line) => `    ${line}`)]
}

function madeLines({ trial }: TryReport): readonly string[] {
  const { published, enqueued } = madeMessages(trial.made)
  return [
    ...published.map(({ address, key, payload }) => {
      const keyed = key === undefined ? '' : ` key ${JSON.stringify(key)}`
      return field('publish', `would publish ${address}${keyed}${payloadText(payload)}`)
    }),
    ...enqueued.map(({ handler, payload }) =>
      field('enqueue', `would enqueue ${handler}${payloadText(payload)}`),
    ),
  ]
}

function payloadText(payload: unknown): string {
  return payload === null ? '' : ` ${cut(JSON.stringify(payload))}`
}

function field(name: string, value: string): string {
  return `  ${name.padEnd(9)} ${value.replaceAll('\n', '\n            ')}`
}

function duration(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${Math.round(milliseconds / 1000)} s`
}

function cut(text: string): string {
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS)}…`
}

/** Control characters could steer the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
