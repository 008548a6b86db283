import type { Sabotage } from '../sabotage.ts'

/** Protocols: when a message is acknowledged, and what is let in. */
export const adaptersSabotages: readonly Sabotage[] = [
  {
    name: '1: the HTTP answer waits for the delivery',
    file: 'adapters/http/receiver.ts',
    line: "const [delivery] = await sink.deliver([message.value], { onInvalid: 'reject' })",
    instead:
      "void sink.deliver([message.value], { onInvalid: 'reject' }).catch(() => undefined)\n    const [delivery] = [{ outcome: 'stored' as const, jobId: '1' }]",
    testFile: 'test/unit/http/adapter.test.ts',
    test: '202 only after deliver has resolved',
  },
  {
    name: '1: MQTT acknowledges when we say so, and not by itself',
    file: 'adapters/mqtt/acknowledgements.ts',
    line: "if (cmd !== 'puback' && cmd !== 'pubrec' && cmd !== 'pubcomp') {",
    instead: "if (cmd !== 'pubcomp') {",
    testFile: 'test/unit/mqtt/acknowledgements.test.ts',
    test: 'the installed mqtt lets acknowledgements wait',
  },
  {
    name: '1: MQTT acknowledges on the connection that delivered, and on no later one',
    file: 'adapters/mqtt/held-messages.ts',
    line: 'for (const held of this.#byPacket.values()) if (held.line === line) held.line = undefined',
    instead: '',
    testFile: 'test/unit/mqtt/held-messages.test.ts',
    test: 'of a connection that is gone are acknowledged on no other',
  },
  {
    name: '2: the packet of an MQTT message of quality 2 is known before it is stored',
    file: 'adapters/mqtt/offering.ts',
    line: 'await before()',
    instead: '',
    testFile: 'test/integration/mqtt/inbound.test.ts',
    test: 'of quality 2 keep their identity over the end of the process',
  },
  {
    name: '12: a subscription that is closed stores nothing',
    file: 'adapters/http/receiver.ts',
    line: 'return closedAnswer(subscription.flow.closed()) ?? (await receive(request, proof))',
    instead: 'return await receive(request, proof)',
    testFile: 'test/unit/http/adapter-flow.test.ts',
    test: 'answers 503 and stores nothing',
  },
  {
    name: '16: what is not verified goes no further',
    file: 'adapters/http/receiver.ts',
    line: 'if (!proof.ok) {',
    instead: "if (!proof.ok && subscription.name === '') {",
    testFile: 'test/unit/http/verify/standard-webhooks.test.ts',
    test: 'is 401 and stored nowhere',
  },
  {
    name: '16: the time of a signature counts',
    file: 'adapters/http/verify/standard-webhooks.ts',
    line: "if (Math.abs(now() - Number(timestamp) * 1_000) > toleranceMs) return refuse('expired')",
    instead: '',
    testFile: 'test/unit/http/verify/standard-webhooks.test.ts',
    test: '1000000 seconds ago is 401',
  },
  {
    name: '16: a signed id is the whole identity',
    file: 'adapters/http/identity.ts',
    line: 'const between = signedId === undefined ? pathValues(request, path) : []',
    instead: 'const between = pathValues(request, path)',
    testFile: 'test/unit/http/verify/standard-webhooks.test.ts',
    test: 'sent again it is the same message, whatever is not signed',
  },
]
