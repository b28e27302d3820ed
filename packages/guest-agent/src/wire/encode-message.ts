import type { Field, Fields, Init, MessageType, OneOf } from './message-type.js';
import { WireType } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

type Values = Readonly<Record<string, unknown>>;

const encoder = new TextEncoder();

/** A message as bytes. Fields are written in the order of the type, and those with their default value are not. */
export function encodeMessage<F extends Fields>(type: MessageType<F>, value: Init<F>): Uint8Array {
  return encodeFields(type.fields, value as Values);
}

function encodeFields(fields: Fields, values: Values): Uint8Array {
  const writer = new WireWriter();
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined) continue;
    if (isOneOf(field)) writeMember(writer, field, value as { readonly case?: string; readonly value?: unknown });
    else if (field.rule === 'repeated') for (const item of value as readonly unknown[]) writeField(writer, field, item);
    else if (field.rule === 'optional' || !isDefault(value)) writeField(writer, field, value);
  }
  return writer.finish();
}

const isOneOf = (field: Field | OneOf): field is OneOf => 'members' in field;

function writeMember(
  writer: WireWriter,
  { members }: OneOf,
  chosen: { readonly case?: string; readonly value?: unknown },
) {
  const member = chosen.case === undefined ? undefined : members[chosen.case];
  if (member !== undefined) writeField(writer, member, chosen.value);
}

function writeField(writer: WireWriter, { number, kind }: Field, value: unknown): void {
  const wireType = kind === 'uint32' || kind === 'uint64' || kind === 'bool' ? WireType.VARINT : WireType.BYTES;
  writer.uint32((number << 3) | wireType);
  if (kind === 'uint32') writer.uint32(value as number);
  else if (kind === 'uint64') writer.uint64(value as bigint);
  else if (kind === 'bool') writer.uint32(value === true ? 1 : 0);
  else if (kind === 'string') writer.bytes(encoder.encode(value as string));
  else if (kind === 'bytes') writer.bytes(value as Uint8Array);
  else writer.bytes(encodeFields(kind.fields, value as Values));
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 ||
    value === 0n ||
    value === false ||
    value === '' ||
    (value instanceof Uint8Array && value.length === 0)
  );
}
