import { z } from 'zod'
import { isLoopback } from '../../../src/domain/loopback.ts'

const embeddedBroker = z.strictObject({
  enabled: z.boolean().prefault(false).describe('Whether it runs.'),
  host: z
    .string()
    .min(1)
    .prefault('127.0.0.1')
    .describe('Where it listens. It asks nobody who they are: keep it on this machine.'),
  port: z.int().min(0).max(65_535).prefault(1883).describe('The port; 0: any free one.'),
  allow_anonymous: z
    .boolean()
    .prefault(false)
    .describe('true: it may listen beyond this machine, where the network keeps strangers out.'),
})

/** What `integrations.mqtt` says beside connections, subscriptions and publications. */
export const mqttIntegrationOptions = z.strictObject({
  embedded_broker: embeddedBroker
    .refine(({ enabled, host, allow_anonymous: allow }) => !enabled || allow || isLoopback(host), {
      path: ['host'],
      message:
        'others than this machine could publish, and the broker asks nobody who they are; listen on 127.0.0.1, or set allow_anonymous to true',
    })
    .prefault({})
    .describe('A broker for trying things out: MQTT 3.1.1, and it keeps nothing.'),
})

/** Checked options of the integration. */
export type MqttIntegrationOptions = z.output<typeof mqttIntegrationOptions>
