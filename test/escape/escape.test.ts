import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTEMPTS, ENVIRONMENTS, isDeclared, jobOf, LAYERS } from './environments.mjs';
import type { EscapeReport, LayerSet, Outcome } from './harness/job.js';
import { type PreparedRun, prepareRun, runJob } from './run-job.mjs';

const isRoot = process.getuid?.() === 0;
/** Making a network of its own and becoming an ordinary user takes root. */
const NEEDS_ROOT = isRoot ? '' : ' (skipped: needs root, which makes the network and becomes the ordinary user)';
/** On an idle machine of two processors all of them take less than two minutes. */
const JOB_MS = 900_000 * Number(process.env.BOXLITE_TEST_SLOW ?? 1);
const HERE = process.env.BOXLITE_KVM_HOST === '1' ? 'kvm' : 'here';

const environments = Object.entries(ENVIRONMENTS).filter(([, { host }]) => host === HERE);
let run: PreparedRun;
const reports = new Map<string, Promise<EscapeReport>>();

/** Two at a time: they wait more than they compute. */
beforeAll(() => {
  if (!isRoot) return;
  run = prepareRun();
  const lanes = [Promise.resolve(), Promise.resolve()];
  for (const [index, [name, environment]] of environments.entries()) {
    const lane = index % lanes.length;
    const report = (lanes[lane] as Promise<void>).then(() => runJob(run, jobOf(environment)));
    reports.set(name, report);
    // Told by whoever awaits the report; the next one runs all the same.
    lanes[lane] = report.then(
      () => undefined,
      () => undefined,
    );
  }
});
afterAll(async () => {
  await Promise.allSettled(reports.values());
  run?.remove();
});

/** The attempts that came out, with what was seen. */
const out = (outcomes: readonly Outcome[]) =>
  outcomes.filter(({ verdict }) => verdict === 'escaped').map(({ attempt, detail }) => `${attempt}: ${detail}`);

describe.skipIf(!isRoot).each(environments)(
  `a hostile program in the VMM's place, %s${NEEDS_ROOT}`,
  (name, environment) => {
    const { layers = LAYERS } = environment;
    const hasSingleLayers = environment.layers === undefined;
    let report: EscapeReport;
    const under = (set: LayerSet, attempt?: string) =>
      report.outcomes.filter((each) => each.layers === set && (attempt === undefined || each.attempt === attempt));
    const cameOut = (attempt: string) => under('none', attempt).some(({ verdict }) => verdict === 'escaped');
    const hasCgroup = () =>
      under('cgroup').length > 0 || report.layers.some((layer) => layer.startsWith('cgroup: active'));

    beforeAll(async () => {
      report = (await reports.get(name)) as EscapeReport;
    }, JOB_MS);

    it('comes out in at least 60 ways with all layers off, so that the attempts are real ones', () => {
      const everybody = Object.entries(ATTEMPTS).filter(([, { who }]) => environment.uid === 0 || who !== 'root');
      expect(everybody.filter(([attempt]) => cameOut(attempt)).length).toBeGreaterThanOrEqual(60);
    });

    it('comes out in no way with all layers on', () => {
      const open = Object.entries(ATTEMPTS)
        .filter(([, attempt]) => attempt.open?.when === 'no-cgroup' && !hasCgroup())
        .map(([attempt]) => attempt);
      expect(
        under('all')
          .map(({ attempt }) => attempt)
          .sort(),
      ).toEqual(Object.keys(ATTEMPTS).sort());
      expect(out(under('all').filter(({ attempt }) => !open.includes(attempt)))).toEqual([]);
    });

    it('is stopped by each single layer that is said to stop an attempt alone', () => {
      const { uid, policy = 'qemu' } = environment;
      const where = { uid, policy, landlock: report.landlock };
      const wrong = layers
        .filter((layer) => layer !== 'none' && layer !== 'all')
        .flatMap((layer) =>
          Object.entries(ATTEMPTS)
            .filter(([attempt, { stops }]) => cameOut(attempt) && isDeclared(stops, layer, where))
            .filter(([attempt]) => under(layer, attempt).some(({ verdict }) => verdict === 'escaped'))
            .map(([attempt]) => `${attempt} in spite of ${layer}`),
        );
      expect(wrong).toEqual([]);
    });

    it.runIf(hasSingleLayers)('is stopped by at least one layer alone, whatever it tries', () => {
      const unstopped = Object.keys(ATTEMPTS).filter(
        (attempt) =>
          cameOut(attempt) &&
          (hasCgroup() || ATTEMPTS[attempt]?.open?.when !== 'no-cgroup') &&
          !report.outcomes.some(
            (each) => each.attempt === attempt && each.layers !== 'all' && each.verdict === 'refused',
          ),
      );
      expect(unstopped).toEqual([]);
    });
  },
);
