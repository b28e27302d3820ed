import { describe, expect, it } from 'vitest';
import { SharedAttempt } from './shared-attempt.js';

/** An attempt under the test's control: it ends when told to, or once it has undone what it began. */
function scripted() {
  const seen = { begun: 0, undone: 0 };
  let finish = (_value: string): void => undefined;
  let undo = (): void => undefined;
  const begin = (signal: AbortSignal) => {
    seen.begun += 1;
    return new Promise<string>((resolve, reject) => {
      finish = resolve;
      undo = () => {
        seen.undone += 1;
        reject(signal.reason);
      };
    });
  };
  return { seen, begin, finish: (value: string) => finish(value), undo: () => undo() };
}

/** What a promise has come to by now. */
function stateOf(promise: Promise<unknown>): Promise<string> {
  const settled = promise.then(
    (value) => `resolved ${String(value)}`,
    (error: Error & { code?: string }) => `rejected ${error.code ?? error.message}`,
  );
  const now = new Promise<string>((resolve) => setImmediate(() => resolve('pending')));
  return Promise.race([settled, now]);
}

describe('a shared attempt', () => {
  it('is one for all who ask while it goes on, and a new one afterwards', async () => {
    const { seen, begin, finish } = scripted();
    const shared = new SharedAttempt<string>();
    const both = Promise.all([shared.join(begin), shared.join(begin)]);
    await stateOf(both);
    finish('first');
    expect(await both).toEqual(['first', 'first']);
    const later = shared.join(begin);
    await stateOf(later);
    finish('second');
    expect(await later).toBe('second');
    expect(seen.begun).toBe(2);
  });

  it('that failed is tried again by the next caller', async () => {
    const shared = new SharedAttempt<string>();
    await expect(shared.join(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await shared.join(async () => 'yes')).toBe('yes');
  });

  it('goes on while somebody still wants it: who aborts only stops waiting', async () => {
    const { seen, begin, finish } = scripted();
    const shared = new SharedAttempt<string>();
    const aborter = new AbortController();
    const impatient = shared.join(begin, aborter.signal);
    const patient = shared.join(begin);
    await stateOf(patient);
    aborter.abort();
    expect(await stateOf(impatient)).toBe('rejected aborted');
    expect(await stateOf(patient)).toBe('pending');
    finish('there');
    expect(await patient).toBe('there');
    expect(seen).toEqual({ begun: 1, undone: 0 });
  });

  it('is aborted by its last caller, who hears of it after it is undone', async () => {
    const { begin, undo } = scripted();
    const shared = new SharedAttempt<string>();
    const aborter = new AbortController();
    const only = shared.join(begin, aborter.signal);
    await stateOf(only);
    aborter.abort(new Error('enough'));
    expect(await stateOf(only)).toBe('pending');
    undo();
    expect(await stateOf(only)).toBe('rejected enough');
  });

  it('that is being undone is not joined: the next caller waits for it and begins afresh', async () => {
    const { seen, begin, undo, finish } = scripted();
    const shared = new SharedAttempt<string>();
    const aborter = new AbortController();
    const first = shared.join(begin, aborter.signal);
    await stateOf(first);
    aborter.abort(new Error('enough'));
    const second = shared.join(begin);
    expect(await stateOf(second)).toBe('pending');
    expect(seen.begun).toBe(1);
    undo();
    expect(await stateOf(first)).toBe('rejected enough');
    await stateOf(second);
    finish('fresh');
    expect(await second).toBe('fresh');
  });

  it('can be aborted for everybody, and nothing happens when there is none', async () => {
    const { begin, undo } = scripted();
    const shared = new SharedAttempt<string>();
    await shared.abort(new Error('no matter'));
    const waiting = shared.join(begin);
    await stateOf(waiting);
    const ending = shared.abort(new Error('shut down'));
    undo();
    await ending;
    expect(await stateOf(waiting)).toBe('rejected shut down');
  });

  it('is not begun for a caller who has aborted already', async () => {
    const { seen, begin } = scripted();
    await expect(new SharedAttempt<string>().join(begin, AbortSignal.abort())).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(seen.begun).toBe(0);
  });
});
