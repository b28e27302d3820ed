import { ERROR_NUMBERS } from '../src/seccomp/policy/error-numbers.js';
import { syscallNames } from '../src/seccomp/syscall-numbers.js';

/** A small generator of numbers that gives the same ones for the same seed (xorshift32). */
export function randomFrom(seed: number) {
  let state = seed | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return {
    below: (limit: number) => next() % limit,
    pick: <Value>(values: readonly Value[]): Value => values[next() % values.length] as Value,
    /** 64 bits, mostly small ones or with a single bit, as arguments are. */
    word: (): bigint => {
      const kind = next() % 4;
      if (kind === 0) return BigInt(next() % 16);
      if (kind === 1) return 1n << BigInt(next() % 64);
      if (kind === 2) return BigInt(next());
      return (BigInt(next()) << 32n) | BigInt(next());
    },
  };
}

export type Random = ReturnType<typeof randomFrom>;

/** The text of a policy made at random: few or many calls, with any conditions on any arguments. */
export function randomPolicy(random: Random): string {
  const names = [...new Set([...syscallNames('x64'), ...syscallNames('arm64')])];
  const lines = ['policy random', 'switch one two'];
  const calls = Array.from({ length: 1 + random.below(random.pick([5, 40, 120])) }, () => random.pick(names));
  const decided = new Set<string>();
  for (const call of calls) {
    if (decided.has(call)) continue;
    const conditions =
      random.below(3) === 0 ? [] : Array.from({ length: 1 + random.below(3) }, () => condition(random));
    const verdict = random.pick(['', '', ' -> kill', ` -> ${random.pick(Object.keys(ERROR_NUMBERS))}`]);
    const onlyIf = random.pick(['', '', ' if one', ' unless two', ' if network']);
    if (conditions.length === 0 && onlyIf === '') decided.add(call);
    lines.push(`${call}${conditions.length === 0 ? '' : `(${conditions.join(', ')})`}${verdict}${onlyIf}`);
    // The same call again, and in a row, which is what is merged.
    if (random.below(3) === 0) calls.push(call);
    if (!decided.has(call) && random.below(3) === 0) {
      for (let more = random.below(12); more >= 0; more--) lines.push(`${call}(arg1 == ${random.word()})`);
    }
  }
  const hot = calls.slice(0, random.below(6));
  return [...lines, ...(hot.length === 0 ? [] : [`hot ${hot.join(' ')}`])].join('\n');
}

function condition(random: Random): string {
  const argument = `arg${random.below(6)}`;
  const mask = random.below(2) === 0 ? random.word() : undefined;
  const value = () => (mask === undefined ? random.word() : random.word() & mask);
  const values = Array.from({ length: 1 + random.below(random.pick([1, 3, 20])) }, value);
  const set = `{ ${values.map((each) => `0x${each.toString(16)}`).join(' ')} }`;
  const comparison = random.pick([`== ${value()}`, `!= ${value()}`, `in ${set}`, `not in ${set}`]);
  return `${argument}${mask === undefined ? '' : ` & ${mask}`} ${comparison}`;
}
