import { exampleConfiguration } from '../program.ts'
import { type BridgeEnd, type Intake, type Kind, KINDS } from './bridge-end.ts'

/**
 * What the routes to the publications `mapped-…` make of a message. `headers` of a map is all that is sent: those that were received
 * stay but for the content type, which is that of the former payload.
 */
const MAP = {
  payload:
    '{ "from": payload.from, "total": $sum(payload.lines.(price * quantity)), "city": payload.city }',
  headers: `$merge([
    $sift(headers, function($value, $name) { $lowercase($name) != 'content-type' }),
    { 'x-mapped': 'by a route' }
  ])`,
}

/**
 * One configuration for all pairs: what comes in on a protocol goes to every other one, unchanged, mapped
 * and as bytes.
 */
export function bridgeConfiguration(
  ends: readonly BridgeEnd[],
  databaseUrl: string,
): Readonly<Record<string, unknown>> {
  const intakes: readonly Intake[] = ['in', 'bin']
  const route = (from: BridgeEnd, intake: Intake, kind: Kind): object => ({
    name: `${from.protocol}-${kind}`,
    from: `${from.protocol}:${intake}-${from.protocol}`,
    to: ends.filter((end) => end !== from).map(({ protocol }) => `${protocol}:${kind}-${protocol}`),
    ...(kind === 'mapped' && { map: MAP }),
  })
  return exampleConfiguration({
    database: { url: databaseUrl },
    logging: { level: 'warn', format: 'json' },
    integrations: Object.fromEntries(
      ends.map((end) => [
        end.protocol,
        {
          connections: end.connections,
          subscriptions: intakes.map((intake) => ({
            name: `${intake}-${end.protocol}`,
            ...end.subscription(intake),
            ...(intake === 'bin' && { content_type: 'binary' }),
          })),
          publications: Object.fromEntries(
            KINDS.map((kind) => [
              `${kind}-${end.protocol}`,
              { ...end.publication(kind), headers: { 'x-publication': kind } },
            ]),
          ),
        },
      ]),
    ),
    routes: ends.flatMap((end) => [
      route(end, 'in', 'out'),
      route(end, 'in', 'mapped'),
      route(end, 'bin', 'bin'),
    ]),
  })
}
