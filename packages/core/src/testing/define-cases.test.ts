import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { ConformanceError } from './conformance-error.js';
import { defineCases, mergeCases, ofSetup } from './define-cases.js';
import { conformanceReport, runConformance } from './run-conformance.js';

/** The one case of a suite about nothing. */
const caseOf = (check: () => Promise<void>, deadlineMs?: number) =>
  defineCases(
    { contract: 'Example', deadlineMs, around: (run) => run(undefined) },
    { 'it keeps its promise': { 'a promise': check } },
  );
const failureOf = async (check: () => Promise<void>, deadlineMs?: number) =>
  (await conformanceReport(caseOf(check, deadlineMs))).results[0]?.error;

describe('a case that fails', () => {
  it('names contract, rule and case, and shows what was compared', async () => {
    const error = await failureOf(async () => assert.equal(1, 2, 'one is two'));
    expect(error).toBeInstanceOf(ConformanceError);
    expect(error).toMatchObject({ contract: 'Example', rule: 'it keeps its promise', actual: 1, expected: 2 });
    expect(error?.message.split('\n').slice(0, 4)).toEqual([
      'this Example breaks a rule of its contract',
      '  rule: it keeps its promise',
      '  case: a promise',
      expect.stringMatching(/^ {2}seen: one is two/),
    ]);
  });

  it('tells what the implementation threw', async () => {
    const error = await failureOf(() =>
      Promise.reject(Object.assign(new TypeError('no such thing'), { code: 'ENOENT' })),
    );
    expect(error?.message).toContain('seen: it threw TypeError ENOENT: no such thing');
  });

  it('is one that hangs, after its deadline', async () => {
    const error = await failureOf(() => new Promise(() => undefined), 20);
    expect(error?.message).toContain('seen: it hangs: nothing has come of it in 20 ms');
  });

  it('blames the setup for what the setup throws', async () => {
    const reason = new Error('no disk space for the test');
    const inCheck = await failureOf(async () => void (await ofSetup(() => Promise.reject(reason))));
    expect(inCheck).toBe(reason);
    const around = defineCases(
      { contract: 'Example', around: () => Promise.reject(reason) },
      { rule: { name: async () => undefined } },
    );
    expect((await conformanceReport(around)).results[0]?.error).toBe(reason);
  });
});

it('checks of one sentence in several files come together', () => {
  const check = async () => undefined;
  expect(mergeCases({ one: { a: check } }, { two: { b: check }, one: { c: check } })).toEqual({
    one: { a: check, c: check },
    two: { b: check },
  });
});

it('a suite is handed to a framework with names and time-outs', async () => {
  const given: unknown[] = [];
  const cases = caseOf(async () => undefined);
  runConformance(cases, (name, options, run) => given.push([name, options, run()]), { timeoutMs: 5 });
  expect(given).toEqual([['a promise', { timeout: 5 }, expect.any(Promise)]]);
});
