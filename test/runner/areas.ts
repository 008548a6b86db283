import type { AreaResult } from './area-result.ts'
import { wasInterrupted } from './child.ts'
import { runSabotageArea } from './sabotage-area.ts'
import { runSideBySide, type Task } from './side-by-side.ts'
import { runStaticCheck, staticCheckNames } from './static-checks.ts'
import { runVitestArea, vitestAreaNames, type VitestAreaOptions } from './vitest-area.ts'

/** Every area, in the order in which they are reported. */
export const areaNames: readonly string[] = [...staticCheckNames, ...vitestAreaNames, 'sabotage']

/**
 * For two cores. Areas that wait for leases, ticks and outages leave half of a core idle for each of their
 * files, which those that compute fill. Both cores are busy to the end with six: a seventh place made
 * nothing faster (483 and 495 s, instead of 490).
 */
const PLACES = 6

/**
 * How many files an area runs at a time, where it runs beside others, which is also how many places it takes.
 * In the order in which they begin: what waits longest first, but in a fresh clone the first area waits for servers to be
 * fetched, and the static checks compute meanwhile. What computes in small pieces comes last, so that no processor is
 * idle while a long file of another area ends; three places keep it from going ahead.
 */
const BESIDE: readonly { readonly area: string; readonly places: number }[] = [
  { area: 'brokers', places: 1 },
  ...staticCheckNames.map((area) => ({ area, places: 1 })),
  { area: 'integration', places: 2 },
  { area: 'chaos', places: 3 },
  { area: 'e2e', places: 3 },
  { area: 'conformance', places: 3 },
  { area: 'sabotage', places: 3 },
  { area: 'unit', places: 3 },
]

/** Where an area runs alone, and where files of a long form should not disturb each other. */
const WORKERS_ALONE = 2

/**
 * Runs areas, each to its end whatever failed beside it. Several of the short form run side by side, and
 * what each writes is shown in one piece when it ends; one alone, and those of the long form, which run for
 * hours and are measured, run one after the other and write as they go.
 */
export async function runAreas(
  names: readonly string[],
  options: Pick<VitestAreaOptions, 'long' | 'vitestArguments'>,
): Promise<AreaResult[]> {
  const vitestCount = names.filter((name) => !staticCheckNames.includes(name)).length
  const beside = vitestCount > 1 && !options.long
  const order = beside
    ? BESIDE
    : areaNames.map((area) => ({
        area,
        places: staticCheckNames.includes(area) ? 1 : WORKERS_ALONE,
      }))
  const startedAt = performance.now()
  const tasks = order
    .filter(({ area }) => names.includes(area))
    .map(({ area, places }) => {
      const workers = beside ? places : WORKERS_ALONE
      const run = async (): Promise<AreaResult> => {
        const beganMs = performance.now() - startedAt
        return { ...(await runArea(area, { ...options, workers, beside })), beganMs }
      }
      return { places, run } satisfies Task<AreaResult>
    })
  const results = await runSideBySide(tasks, beside ? PLACES : WORKERS_ALONE, wasInterrupted)
  return results.toSorted((a, b) => areaNames.indexOf(a.area) - areaNames.indexOf(b.area))
}

async function runArea(area: string, options: VitestAreaOptions): Promise<AreaResult> {
  if (staticCheckNames.includes(area)) return await runStaticCheck(area)
  console.log(options.beside ? `… ${area}` : `\n${area}`)
  return area === 'sabotage' ? await runSabotageArea(options) : await runVitestArea(area, options)
}
