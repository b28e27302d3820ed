import { policyConstant } from './policy-constants.js';
import type { Reader } from './reader.js';
import type { ArchitectureValue, ArgumentCondition } from './seccomp-policy.js';
import { argumentNames, syscallArgument } from './syscall-arguments.js';

const MAX_64 = (1n << 64n) - 1n;
const NUMBER = /^(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+)$/;

/** Reads `argument [& mask] operator value, …` up to the closing parenthesis. */
export function parseConditions(reader: Reader, call: string): readonly ArgumentCondition[] {
  const conditions: ArgumentCondition[] = [];
  do conditions.push(parseCondition(reader, call));
  while (reader.takeIf(','));
  reader.take(')');
  return conditions;
}

function parseCondition(reader: Reader, call: string): ArgumentCondition {
  const name = reader.word('the name of an argument');
  const argument = syscallArgument(call, name);
  if (argument === undefined) {
    throw reader.refuse(`${call} has no argument ${name}`, `its arguments are ${argumentNames(call).join(', ')}`);
  }
  const mask = reader.takeIf('&') ? parseMask(reader) : undefined;
  const { negated, values } = parseComparison(reader);
  for (const value of [...values, ...(mask === undefined ? [] : [mask])]) checkWidth(reader, value, argument.bits);
  if (mask !== undefined) for (const value of values) checkMask(reader, value, mask);
  return { ...argument, ...(mask === undefined ? {} : { mask }), values, negated };
}

/** `( A | B )` or one operand. */
function parseMask(reader: Reader): ArchitectureValue {
  if (!reader.takeIf('(')) return parseOperand(reader);
  const value = parseValue(reader);
  reader.take(')');
  return value;
}

function parseComparison(reader: Reader): { negated: boolean; values: readonly ArchitectureValue[] } {
  if (reader.takeIf('==')) return { negated: false, values: [parseValue(reader)] };
  if (reader.takeIf('!=')) return { negated: true, values: [parseValue(reader)] };
  const negated = reader.takeIf('not');
  if (!reader.takeIf('in')) throw reader.refuse('expected ==, !=, "in" or "not in"');
  reader.take('{');
  const values: ArchitectureValue[] = [];
  while (!reader.takeIf('}')) {
    values.push(parseValue(reader));
    reader.takeIf(',');
  }
  if (values.length === 0) throw reader.refuse('an empty set holds for nothing');
  return { negated, values };
}

/** `A | B | …`: the bits of each. */
function parseValue(reader: Reader): ArchitectureValue {
  let value = parseOperand(reader);
  while (reader.takeIf('|')) {
    const other = parseOperand(reader);
    value = { x64: value.x64 | other.x64, arm64: value.arm64 | other.arm64 };
  }
  return value;
}

function parseOperand(reader: Reader): ArchitectureValue {
  const text = reader.operand();
  if (/^[0-9]/.test(text)) {
    if (!NUMBER.test(text)) throw reader.refuse(`${text} is no number`, 'write 10, 0x1f or 0o17');
    const value = BigInt(text);
    if (value > MAX_64) throw reader.refuse(`${text} has more than 64 bits`);
    return { x64: value, arm64: value };
  }
  const constant = policyConstant(text);
  if (constant === undefined) throw reader.refuse(`no constant is called ${text}`, 'write its value as a number');
  return constant;
}

function checkWidth(reader: Reader, value: ArchitectureValue, bits: 32 | 64): void {
  if (bits === 64) return;
  for (const each of [value.x64, value.arm64]) {
    if (each > 0xffff_ffffn) throw reader.refuse(`0x${each.toString(16)} does not fit an argument of 32 bits`);
  }
}

function checkMask(reader: Reader, value: ArchitectureValue, mask: ArchitectureValue): void {
  for (const architecture of ['x64', 'arm64'] as const) {
    if ((value[architecture] & ~mask[architecture]) !== 0n) {
      throw reader.refuse(`0x${value[architecture].toString(16)} has bits outside its mask, so that it never compares`);
    }
  }
}
