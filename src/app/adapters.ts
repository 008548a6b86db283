import { activemqAdapter } from '../../adapters/activemq/index.ts'
import { httpAdapter } from '../../adapters/http/index.ts'
import { kafkaAdapter } from '../../adapters/kafka/index.ts'
import { mqttAdapter } from '../../adapters/mqtt/index.ts'
import { signalrAdapter } from '../../adapters/signalr/index.ts'

/** The adapters of this package: what may stand below `integrations` in a configuration. */
export const adapters = [
  activemqAdapter,
  httpAdapter,
  kafkaAdapter,
  mqttAdapter,
  signalrAdapter,
] as const

/** Judges the expressions of a configuration. */
export { mappingCheck } from '../expressions/check.ts'
