import { readFileSync } from 'node:fs';
import { vmmUnderTest } from './vmm-under-test.js';

/** What boxes can do, as a person would say it, and the tests that show it. Also read by scripts/parity.mjs. */
interface Feature {
  readonly title: string;
  /** Test files below `test/e2e` (without `.test.ts`) whose tests all belong to it, or `file > beginning of a title`. */
  readonly tests: readonly string[];
  /** VMMs that do not have it, each with the reason. */
  readonly gaps?: Readonly<Record<string, string>>;
}

const FEATURES: Readonly<Record<string, Feature>> = JSON.parse(
  readFileSync(new URL('./features.json', import.meta.url), 'utf8'),
);

/**
 * Why the VMM of this run does not have a feature; undefined when it does. For `describe.skipIf(gap !== undefined)`, with the reason in the
 * title, so that nothing is skipped in silence.
 * @param id of `features.json`
 */
export async function gapOf(id: string): Promise<string | undefined> {
  const feature = FEATURES[id];
  if (feature === undefined) throw new Error(`features.json has no feature "${id}"`);
  const vmm = await vmmUnderTest();
  const reason = feature.gaps?.[vmm];
  return reason === undefined ? undefined : `not on ${vmm}: ${reason}`;
}
