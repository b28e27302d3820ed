import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { create, fromBinary, type MessageInitShape, ScalarType, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { file_agent, HelloSchema, RequestSchema, ResponseSchema } from '../gen/agent_pb.js';
import { helloMessage, type Operation, requestMessage, responseMessage } from './agent-messages.js';
import { decodeMessage } from './decode-message.js';
import { encodeMessage } from './encode-message.js';
import type { Field, MessageType } from './message-type.js';

const SCALARS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'bytes',
};

/** The schema as the generated code has it, in the words of the table. */
function schemaOf(message: DescMessage): unknown {
  return Object.fromEntries(
    message.fields.map((field) => [`${field.oneof?.localName ?? ''}.${field.localName}`, of(field)]),
  );
}
function of(field: DescField) {
  const isRepeated = field.fieldKind === 'list';
  const scalar =
    field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')
      ? field.scalar
      : undefined;
  const isOptional = field.proto.proto3Optional;
  return {
    number: field.number,
    rule: isRepeated ? 'repeated' : isOptional ? 'optional' : 'plain',
    kind: scalar === undefined ? schemaOf(field.message as DescMessage) : SCALARS[scalar],
  };
}
function tableOf({ byNumber }: MessageType): unknown {
  return Object.fromEntries(
    [...byNumber.values()].map(({ name, field, group }) => [`${group ?? ''}.${name}`, line(field)]),
  );
}
function line({ number, rule, kind }: Field) {
  return { number, rule, kind: typeof kind === 'string' ? kind : tableOf(kind) };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const MAX64 = 0xffff_ffff_ffff_ffffn;
const operations: readonly Operation[] = [
  {
    case: 'init',
    value: {
      hostname: 'größe',
      wallClockNs: 1_763_838_000_123_000_000n,
      entropy: new Uint8Array(300).fill(200),
      disk: '/dev/vda',
      env: [bytes('A=1'), bytes(''), bytes('B=\u{1F980}')],
      cwd: bytes('/'),
      hosts: new Uint8Array(0),
      volumes: [{ tag: 'uservol0', destination: bytes('/data'), readOnly: true }, {}],
      privileged: true,
      diskBytes: 10n * 2n ** 30n,
    },
  },
  { case: 'init', value: {} },
  {
    case: 'exec',
    value: {
      argv: [bytes('a'.repeat(70_000))],
      tty: { rows: 24, cols: 300 },
      stdin: true,
      timeoutMs: 0xffff_ffff,
      main: false,
    },
  },
  { case: 'exec', value: { argv: [bytes('x')], tty: {} } },
  { case: 'signal', value: { signal: 9, group: true } },
  { case: 'resize', value: { size: { rows: 127, cols: 128 } } },
  { case: 'ping', value: {} },
  { case: 'quiesce', value: { sync: true, timeoutMs: 16_384 } },
  { case: 'thaw', value: {} },
  {
    case: 'renew',
    value: { hostname: 'b', entropy: bytes('e'), env: [bytes('C=3')], replaceDefaults: true, resolvConf: bytes('r') },
  },
];

describe('the messages of the agent link', () => {
  it('are those of the schema, field by field', () => {
    const messages = { Hello: helloMessage, Request: requestMessage, Response: responseMessage };
    for (const [name, table] of Object.entries(messages)) {
      const schema = file_agent.messages.find((message) => message.name === name);
      expect(tableOf(table), name).toEqual(schemaOf(schema as DescMessage));
    }
  });

  it.each(operations.map((operation) => [operation.case, operation] as const))(
    'are written as the generated code writes them: %s',
    (_name, operation) => {
      const request = { id: 0x89ab_cdef, operation };
      const theirs = toBinary(RequestSchema, create(RequestSchema, request as MessageInitShape<typeof RequestSchema>));
      expect(Buffer.from(encodeMessage(requestMessage, request)).equals(theirs)).toBe(true);
    },
  );

  it.each([
    { case: 'error', value: { code: 'not_found', message: 'Ä', field: 'argv', errnoValue: 2 } },
    {
      case: 'initDone',
      value: { containerUs: MAX64, diskGrowthUs: 1n << 32n, bootId: 'b', machineUs: 127n, diskUs: (1n << 31n) + 5n },
    },
    { case: 'execStarted', value: { executionId: 0x1234_5678_9abc_def0n, pid: 0xffff_ffff } },
    { case: 'exited', value: { exitCode: 255, signal: 64, timedOut: true, durationUs: (1n << 35n) - 1n } },
    { case: 'done', value: {} },
    { case: 'renewed', value: { bootId: '', renewUs: 1n << 63n } },
  ] as const)('are read as the generated code wrote them: $case', (result) => {
    const message = create(ResponseSchema, { id: 7, result } as MessageInitShape<typeof ResponseSchema>);
    expect(decodeMessage(responseMessage, toBinary(ResponseSchema, message))).toEqual({ id: 7, result });
  });

  it('have their defaults where nothing was written', () => {
    const { $typeName: _name, ...defaults } = create(HelloSchema, {});
    expect(decodeMessage(helloMessage, new Uint8Array(0))).toEqual(defaults);
    const hello = create(HelloSchema, {
      generation: 3,
      capabilities: ['a', '', 'b'],
      kernelBootUs: 5n,
      quiesced: true,
    });
    const { $typeName: _again, ...fields } = hello;
    expect(decodeMessage(helloMessage, toBinary(HelloSchema, hello))).toEqual(fields);
  });

  it('may have fields nobody knows yet, which are passed over', () => {
    const unknown = [
      0xf8, 0x7f, 0x96, 0x01, 0xfa, 0x7f, 0x02, 0x68, 0x69, 0xfd, 0x7f, 1, 2, 3, 4, 0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    const message = Buffer.concat([Buffer.from(unknown), toBinary(ResponseSchema, create(ResponseSchema, { id: 9 }))]);
    expect(decodeMessage(responseMessage, message)).toEqual({ id: 9, result: { case: undefined } });
    expect(fromBinary(ResponseSchema, message).id).toBe(9);
  });

  it.each([
    ['a length beyond the end', [0x12, 0x05, 0x61]],
    ['a length of four gigabytes', [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a number that is cut short', [0x08, 0x80]],
    ['a number of eleven bytes', [0x08, ...new Array<number>(10).fill(0x80), 0x01]],
    ['a group', [0xf3, 0x7f]],
    ['a number where a text belongs', [0x10, 0x01]],
    ['bytes where a number belongs', [0x0a, 0x00]],
    ['a message in a message that is cut short', [0x12, 0x02, 0x0a, 0x05]],
  ])('are refused with %s', (_what, message) => {
    expect(() => decodeMessage(responseMessage, Uint8Array.from(message))).toThrow(RangeError);
  });

  it('are read or refused, whatever the bytes: nothing else is thrown', () => {
    const whole = toBinary(
      ResponseSchema,
      create(ResponseSchema, { id: 5, result: { case: 'error', value: { message: 'm'.repeat(40), errnoValue: 300 } } }),
    );
    for (let index = 0; index < whole.length; index += 1) {
      for (const value of [0, 0x7f, 0x80, 0xff]) {
        const bent = Uint8Array.from(whole);
        bent[index] = value;
        try {
          decodeMessage(responseMessage, bent);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError);
        }
      }
    }
  });
});
