import { describe, expect, it } from 'vitest';
import { SharedTasks } from './shared-tasks.js';

function controllable() {
  const started: AbortSignal[] = [];
  let settle: { resolve: (value: string) => void; reject: (reason: unknown) => void } | undefined;
  const start = (signal: AbortSignal) => {
    started.push(signal);
    return new Promise<string>((resolve, reject) => {
      settle = { resolve, reject };
    });
  };
  return {
    started,
    start,
    resolve: (value: string) => settle!.resolve(value),
    reject: (reason: unknown) => settle!.reject(reason),
  };
}

describe('shared tasks', () => {
  it('run once for all who ask while they run, and again later', async () => {
    const tasks = new SharedTasks<string>();
    const work = controllable();
    const both = [tasks.run('a', work.start), tasks.run('a', work.start)];
    expect(work.started).toHaveLength(1);
    work.resolve('done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
    const again = tasks.run('a', work.start);
    work.reject(new Error('broken'));
    await expect(again).rejects.toThrow('broken');
    expect(work.started).toHaveLength(2);
  });

  it('go on when one of several callers aborts', async () => {
    const tasks = new SharedTasks<string>();
    const work = controllable();
    const abort = new AbortController();
    const leaving = tasks.run('a', work.start, abort.signal);
    const staying = tasks.run('a', work.start);
    abort.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'aborted' });
    expect(work.started[0]?.aborted).toBe(false);
    work.resolve('done');
    expect(await staying).toBe('done');
  });

  it('are aborted with their last caller, who sees them end; a new caller starts afresh', async () => {
    const tasks = new SharedTasks<string>();
    const old = controllable();
    const abort = new AbortController();
    let settled = false;
    const leaving = tasks.run('a', old.start, abort.signal).finally(() => {
      settled = true;
    });
    leaving.catch(() => undefined);
    abort.abort();
    expect(old.started[0]?.aborted).toBe(true);
    await Promise.resolve();
    expect(settled).toBe(false);
    const fresh = controllable();
    const next = tasks.run('a', fresh.start);
    expect(fresh.started).toHaveLength(1);
    old.reject(new Error('cleaned up'));
    await expect(leaving).rejects.toThrow('cleaned up');
    fresh.resolve('new');
    expect(await next).toBe('new');
  });

  it('do not start for a caller that has aborted already', async () => {
    const work = controllable();
    await expect(new SharedTasks<string>().run('a', work.start, AbortSignal.abort())).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(work.started).toEqual([]);
  });
});
