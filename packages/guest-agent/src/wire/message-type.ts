/** What the scalars of the schema are in JavaScript. */
export interface ScalarTypes {
  readonly uint32: number;
  readonly uint64: bigint;
  readonly bool: boolean;
  readonly string: string;
  readonly bytes: Uint8Array;
}

export type ScalarName = keyof ScalarTypes;
type Rule = 'plain' | 'optional' | 'repeated';

/** One field: `optional` tells absence from the default, as every message field does; numbers and truth values are never repeated here. */
export interface Field<Kind extends ScalarName | MessageType = ScalarName | MessageType, R extends Rule = Rule> {
  readonly number: number;
  readonly kind: Kind;
  readonly rule: R;
}

/** At most one of several messages. */
export interface OneOf<Members extends Readonly<Record<string, Field>> = Readonly<Record<string, Field>>> {
  readonly members: Members;
}

export type Fields = Readonly<Record<string, Field | OneOf>>;

/** Where a field number leads. */
export interface Place {
  readonly name: string;
  readonly field: Field;
  /** The oneof the field is a member of. */
  readonly group?: string;
}

/** A message of the schema. */
export interface MessageType<F extends Fields = Fields> {
  readonly fields: F;
  readonly byNumber: ReadonlyMap<number, Place>;
}

type KindValue<Kind, Deep> = Kind extends ScalarName
  ? ScalarTypes[Kind]
  : Kind extends MessageType<infer F>
    ? Deep extends 'decoded'
      ? Decoded<F>
      : Init<F>
    : never;

type MemberValue<Members, Deep> = {
  readonly [Name in keyof Members]: Members[Name] extends Field<infer Kind>
    ? { readonly case: Name; readonly value: KindValue<Kind, Deep> }
    : never;
}[keyof Members];

type NoMember = { readonly case?: undefined; readonly value?: undefined };

type IsOptional<F> =
  F extends Field<infer Kind, infer R>
    ? R extends 'repeated'
      ? false
      : R extends 'optional'
        ? true
        : Kind extends ScalarName
          ? false
          : true
    : false;

type FieldValue<F, Deep> =
  F extends Field<infer Kind, infer R>
    ? R extends 'repeated'
      ? readonly KindValue<Kind, Deep>[]
      : KindValue<Kind, Deep>
    : F extends OneOf<infer Members>
      ? MemberValue<Members, Deep> | NoMember
      : never;

/** A message as it was read: everything is there but what is optional. */
export type Decoded<F extends Fields> = {
  readonly [Name in keyof F as IsOptional<F[Name]> extends true ? never : Name]: FieldValue<F[Name], 'decoded'>;
} & { readonly [Name in keyof F as IsOptional<F[Name]> extends true ? Name : never]?: FieldValue<F[Name], 'decoded'> };

/** A message as it is written: what is left out has its default. */
export type Init<F extends Fields> = { readonly [Name in keyof F]?: FieldValue<F[Name], 'init'> };

export const plain = <Kind extends ScalarName | MessageType>(number: number, kind: Kind): Field<Kind, 'plain'> => ({
  ...{ number, kind, rule: 'plain' },
});
export const optional = <Kind extends ScalarName>(number: number, kind: Kind): Field<Kind, 'optional'> => ({
  ...{ number, kind, rule: 'optional' },
});
export const repeated = <Kind extends 'string' | 'bytes' | MessageType>(
  number: number,
  kind: Kind,
): Field<Kind, 'repeated'> => ({ number, kind, rule: 'repeated' });
export const oneOf = <Members extends Readonly<Record<string, Field<MessageType, 'plain'>>>>(
  members: Members,
): OneOf<Members> => ({ members });

/** @param fields by the names they have in JavaScript */
export function messageType<F extends Fields>(fields: F): MessageType<F> {
  const places = Object.entries(fields).flatMap(([name, field]): Place[] =>
    'members' in field
      ? Object.entries(field.members).map(([member, of]) => ({ name: member, field: of, group: name }))
      : [{ name, field }],
  );
  return { fields, byNumber: new Map(places.map((place) => [place.field.number, place])) };
}
