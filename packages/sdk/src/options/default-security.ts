import type { BoxOptions } from './box-options.js';

type Security = NonNullable<BoxOptions['security']>;

/** Two names for one wish: who gives either has decided. */
const SPELLINGS: readonly (readonly (keyof Security)[])[] = [
  ['jailer', 'jailerEnabled'],
  ['seccomp', 'seccompEnabled'],
];

/** The security options of a box over those of its runtime, member by member; an option given as undefined is one that was not given. */
export function withDefaultSecurity(given: Security, defaults: Security): Security {
  const decided = new Set<string>();
  const isGiven = (name: string) => given[name as keyof Security] !== undefined;
  for (const names of SPELLINGS) if (names.some(isGiven)) for (const name of names) decided.add(name);
  const kept = Object.entries(defaults).filter(([name]) => !decided.has(name) && !isGiven(name));
  return { ...given, ...Object.fromEntries(kept) };
}
