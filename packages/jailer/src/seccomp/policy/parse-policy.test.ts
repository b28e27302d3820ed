import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from './parse-policy.js';

const failure = (text: string): BoxliteError => {
  try {
    parsePolicy(text);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('the policy was accepted');
};

describe('the text of a policy', () => {
  it('is a name, and a line for each call', () => {
    const policy = parsePolicy(`
      # why
      policy example
      switch kvm
      hot ioctl
      read                       # always
      clone3 -> ENOSYS
      ioctl(request in { KVM_RUN 0x5421 }) if kvm
      socket(domain == AF_UNIX,
             type & SOCK_TYPE_MASK == SOCK_STREAM)
      [arm64]
      write unless network
    `);
    expect(policy).toMatchObject({ name: 'example', hot: ['ioctl'], switches: ['network', 'kvm'] });
    expect(policy.rules.map(({ call, line, architectures }) => [call, line, architectures.join()])).toEqual([
      ['read', 6, 'x64,arm64'],
      ['clone3', 7, 'x64,arm64'],
      ['ioctl', 8, 'x64,arm64'],
      ['socket', 9, 'x64,arm64'],
      ['write', 12, 'arm64'],
    ]);
    expect(policy.rules[1]?.verdict).toEqual({ kind: 'errno', errno: 38 });
    expect(policy.rules[2]).toMatchObject({ onlyIf: { name: 'kvm', on: true }, conditions: [{ index: 1, bits: 32 }] });
    expect(policy.rules[3]?.conditions[1]).toMatchObject({ mask: { x64: 15n }, values: [{ x64: 1n }] });
    expect(policy.rules[4]?.onlyIf).toEqual({ name: 'network', on: false });
  });

  it.each([
    ['', 1, 'the first statement must be "policy" and a name'],
    ['read', 1, 'the first statement must be "policy" and a name'],
    ['policy', 1, 'expected a name, found the end of the statement'],
    ['policy p extra', 1, '"extra" is one word too many'],
    ['policy p\nreed', 2, 'there is no system call reed'],
    ['policy p\nread\nread(arg0 == 1)', 3, 'line 2 already decides every read'],
    ['policy p\n[x32]', 2, 'no section is called x32'],
    ['policy p\n[arm64]\nopen', 3, 'arm64 has no system call open'],
    ['policy p\nread -> EWHAT', 2, 'no error is called EWHAT'],
    ['policy p\nread -> constructor', 2, 'no error is called constructor'],
    ['policy p\n[__proto__]', 2, 'no section is called __proto__'],
    ['policy p\nread if kvm', 2, 'there is no switch kvm'],
    ['policy p\nhot read', 1, 'read is hot and has no rule'],
    ['policy p\nsocket(family == 1)', 2, 'socket has no argument family'],
    ['policy p\nsocket(toString == 1)', 2, 'socket has no argument toString'],
    ['policy p\nsocket(domain == AF_UNIXX)', 2, 'no constant is called AF_UNIXX'],
    ['policy p\nsocket(domain == 0x1_0)', 2, '0x1_0 is no number'],
    ['policy p\nsocket(domain == 007)', 2, '007 is no number'],
    ['policy p\nsocket(domain == 0x100000000)', 2, '0x100000000 does not fit an argument of 32 bits'],
    ['policy p\nread(arg0 == 0x10000000000000000)', 2, 'has more than 64 bits'],
    ['policy p\nsocket(type & 0xf == 0x10)', 2, '0x10 has bits outside its mask, so that it never compares'],
    ['policy p\nread(arg6 == 1)', 2, 'read has no argument arg6'],
    ['policy p\nread(arg0 in { })', 2, 'an empty set holds for nothing'],
    ['policy p\nread(arg0 = 1)', 2, '"=" means nothing here'],
    ['policy p\nread(arg0 < 1)', 2, '"<" means nothing here'],
    ['policy p\nread(arg0)', 2, 'expected ==, !=, "in" or "not in"'],
    ['policy p\nread(arg0 == 1', 2, 'what begins here with "read" is never closed'],
    ['policy p\nread)', 2, ') closes nothing'],
    ['policy p\nread()', 2, 'expected the name of an argument, found ")"'],
    ['policy p\nread\u0000', 2, '"\\u0000" means nothing here'],
  ])('%j is refused with line and reason', (text, line, reason) => {
    const { code, message, details } = failure(text);
    expect(code).toBe('invalid_argument');
    expect(message).toContain(`line ${line}: `);
    expect(message).toContain(reason);
    expect(details).toMatchObject({ field: 'seccompPolicy', line });
  });

  it('that is larger than any policy is refused before it is read', () => {
    expect(failure(`policy p\n${'#'.repeat(300_000)}`).message).toContain('more than 262144');
  });

  it('cut off or damaged anywhere is a policy or a typed error, never anything else', () => {
    const good = 'policy p\nswitch s\nread(arg0 & (1|2) in { 1 2 }) -> EPERM if s\n[x64]\nopen\n';
    for (let at = 0; at < good.length; at++) {
      for (const text of [good.slice(0, at), `${good.slice(0, at)}\u2028(${good.slice(at)}`, good.slice(at)]) {
        try {
          parsePolicy(text);
        } catch (thrown) {
          expect(BoxliteError.isInstance(thrown), `${JSON.stringify(text)}: ${String(thrown)}`).toBe(true);
        }
      }
    }
  });
});
