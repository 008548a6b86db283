import { z } from 'zod'

const MAX_PARTITION = 2_147_483_647
const KIB = 1024

const template = z.string().min(1).max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

/** What a publication of `integrations.kafka` says beyond the common keys. */
export const kafkaPublicationOptions = z
  .strictObject({
    topic: template.describe('The topic that it publishes to.'),
    partition: z
      .union([z.int().min(0).max(MAX_PARTITION), template])
      .optional()
      .describe(
        'The partition. Left out: by the hash of the key, as other Kafka clients have it; without a key by turns.',
      ),
    acks: z
      .enum(['all', 'leader', 'none'])
      .prefault('all')
      .describe(
        'Who has to have a message before it is confirmed: all replicas in sync, the leader alone, or nobody: what gets lost is then never known.',
      ),
    idempotence: z
      .boolean()
      .optional()
      .describe(
        'Whether the brokers drop what our client sends twice by itself. Needs `acks` `all`, and is true with it unless it is set.',
      ),
    compression: z
      .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      .prefault('none')
      .describe('How records are compressed.'),
    max_request_size: z
      .int()
      .min(KIB)
      .max(100 * KIB * KIB)
      .prefault(900_000)
      .describe(
        'Bytes that go out in one request, at most; a larger message goes alone. Keep it below `message.max.bytes` of the brokers, which is 1,048,588 unless told otherwise.',
      ),
  })
  .refine(({ acks, idempotence }) => idempotence !== true || acks === 'all', {
    path: ['idempotence'],
    message: 'needs acks "all"; remove one of the two',
  })

/** Keys of a publication that are templates. */
export const KAFKA_TEMPLATES = ['topic', 'partition'] as const

/** Checked options of a publication. */
export type KafkaPublicationOptions = z.output<typeof kafkaPublicationOptions>
