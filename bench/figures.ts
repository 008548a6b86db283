import { performance } from 'node:perf_hooks'
import { bareLoopName } from './bare-loop.ts'

/** What was measured on one server, round by round. */
export interface Figures {
  note(name: string, value: number): void
  /** Notes how many of `count` were done in a second. */
  perSecond(name: string, count: number, run: () => Promise<unknown>): Promise<void>
  /** The table and the ratios, in Markdown. */
  report(title: string): string
}

/** Nothing measured yet. */
export function newFigures(): Figures {
  const figures = new Map<string, number[]>()

  function note(name: string, value: number): void {
    figures.set(name, [...(figures.get(name) ?? []), value])
  }

  return {
    note,
    perSecond: async (name, count, run) => {
      const from = performance.now()
      await run()
      note(name, (count / (performance.now() - from)) * 1000)
    },
    report: (title) => {
      const rows = [...figures].map(
        ([name, values]) =>
          `| ${name} | ${shown(median(values))} | ${values.map(shown).join(', ')} |`,
      )
      const kinds = ['add', 'drain', 'transactions'] as const
      const pairs = [
        ...kinds.flatMap((kind) =>
          (['lean', 'migrated'] as const).map((tables) => [kind, bareLoopName(tables)] as const),
        ),
        ['publish', 'bare client'] as const,
      ]
      const ratios = pairs.map(([kind, peer]) => {
        const ours = figures.get(`${kind}, crossdock`) ?? []
        // Round by round: what else the machine does meanwhile changes from one to the next.
        const theirs = figures.get(`${kind}, ${peer}`) ?? []
        const ratios = ours.map((value, index) => value / (theirs[index] ?? NaN))
        const all = ratios.map((ratio) => ratio.toFixed(2)).join(', ')
        return `- ${kind}: ${median(ratios).toFixed(2)} of the ${peer} (${all})`
      })
      return [
        `\n${title}\n`,
        '| figure | jobs a second, or ms | all rounds |',
        '| --- | ---: | --- |',
        ...rows,
        '',
        ...ratios,
        '',
      ].join('\n')
    },
  }
}

function shown(value: number): string {
  return value < 100 ? value.toFixed(2) : Math.round(value).toString()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}
