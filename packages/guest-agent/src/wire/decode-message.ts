import type { Decoded, Field, Fields, MessageType, ScalarName } from './message-type.js';
import { WireReader, WireType } from './wire-reader.js';

const NO_BYTES = new Uint8Array(0);
const DEFAULTS = { uint32: 0, uint64: 0n, bool: false, string: '', bytes: NO_BYTES } as const satisfies Record<
  ScalarName,
  unknown
>;

/**
 * Reads a message. Fields nobody knows are passed over; of a field that comes twice the last one counts.
 * @param bytes hostile; texts that are no UTF-8 get replacement characters
 * @throws RangeError when they are no such message
 */
export function decodeMessage<F extends Fields>(type: MessageType<F>, bytes: Uint8Array): Decoded<F> {
  return decodeFields(type, bytes) as Decoded<F>;
}

function decodeFields(type: MessageType, bytes: Uint8Array): Record<string, unknown> {
  const reader = new WireReader(bytes);
  const values = defaultsOf(type.fields);
  while (!reader.isAtEnd) {
    const tag = reader.uint32();
    const place = type.byNumber.get(tag >>> 3);
    if (place === undefined) {
      reader.skip(tag & 7);
      continue;
    }
    const { name, field, group } = place;
    const value = readValue(reader, field, tag & 7);
    if (group !== undefined) values[group] = { case: name, value };
    else if (field.rule === 'repeated') (values[name] as unknown[]).push(value);
    else values[name] = value;
  }
  return values;
}

function defaultsOf(fields: Fields): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if ('members' in field) values[name] = { case: undefined };
    else if (field.rule === 'repeated') values[name] = [];
    else if (field.rule === 'plain' && typeof field.kind === 'string') values[name] = DEFAULTS[field.kind];
  }
  return values;
}

function readValue(reader: WireReader, { kind, number }: Field, wireType: number): unknown {
  const isNumber = kind === 'uint32' || kind === 'uint64' || kind === 'bool';
  if (wireType !== (isNumber ? WireType.VARINT : WireType.BYTES)) {
    throw new RangeError(`field ${number} has the wire type ${wireType}`);
  }
  switch (kind) {
    case 'uint32':
      return reader.uint32();
    case 'uint64':
      return reader.uint64();
    case 'bool':
      return reader.bool();
    case 'string':
      return reader.bytes().toString('utf8');
    case 'bytes':
      return reader.bytes();
    default:
      return decodeFields(kind, reader.bytes());
  }
}
