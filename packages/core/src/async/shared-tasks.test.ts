import { describe, expect, it } from 'vitest';
import type { ImageProgress } from '../contracts/image-source.js';
import { SharedTasks, type TaskContext } from './shared-tasks.js';

/** Work that goes on until told to end. */
function controlledWork() {
  const starts: TaskContext<ImageProgress>[] = [];
  const ends: { resolve: (value: string) => void; reject: (reason: Error) => void }[] = [];
  const start = (context: TaskContext<ImageProgress>) => {
    starts.push(context);
    return new Promise<string>((resolve, reject) => ends.push({ resolve, reject }));
  };
  return { starts, ends, start };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('shared work', () => {
  it('is done once for callers at the same time, and again for later ones', async () => {
    const tasks = new SharedTasks<string, ImageProgress>();
    const { starts, ends, start } = controlledWork();
    const both = [tasks.run('k', 'work', {}, start), tasks.run('k', 'work', {}, start)];
    await turn();
    expect(starts).toHaveLength(1);
    ends[0]!.resolve('done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
    const third = tasks.run('k', 'work', {}, start);
    await turn();
    expect(starts).toHaveLength(2);
    ends[1]!.reject(new Error('broken'));
    await expect(third).rejects.toThrow('broken');
  });

  it('goes on when one of its callers aborts, and is aborted with the last, who waits for its end', async () => {
    const tasks = new SharedTasks<string, ImageProgress>();
    const { starts, ends, start } = controlledWork();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = tasks.run('k', 'work', { signal: one.signal }, start);
    const second = tasks.run('k', 'work', { signal: two.signal }, start);
    await turn();
    one.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(starts[0]!.signal.aborted).toBe(false);
    two.abort();
    expect(starts[0]!.signal.aborted).toBe(true);
    const ended = await Promise.race([second.catch(() => 'ended'), turn().then(() => 'waiting')]);
    expect(ended).toBe('waiting');
    ends[0]!.reject(new Error('cleaned up'));
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is not begun for a caller that has aborted already', async () => {
    const { starts, start } = controlledWork();
    const tasks = new SharedTasks<string, ImageProgress>();
    await expect(tasks.run('k', 'work', { signal: AbortSignal.abort() }, start)).rejects.toMatchObject({
      code: 'aborted',
      message: 'work: aborted',
    });
    await turn();
    expect(starts).toEqual([]);
  });

  it('that is being aborted is not joined by a new caller', async () => {
    const tasks = new SharedTasks<string, ImageProgress>();
    const { starts, ends, start } = controlledWork();
    const controller = new AbortController();
    const first = tasks.run('k', 'work', { signal: controller.signal }, start);
    await turn();
    controller.abort();
    const second = tasks.run('k', 'work', {}, start);
    await turn();
    expect(starts).toHaveLength(2);
    ends[0]!.reject(new Error('late'));
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    ends[1]!.resolve('fine');
    expect(await second).toBe('fine');
  });

  it('tells every caller its progress, and drops one whose callback throws', async () => {
    const tasks = new SharedTasks<string, ImageProgress>();
    const { starts, ends, start } = controlledWork();
    const told: ImageProgress[] = [];
    const good = tasks.run('k', 'work', { onProgress: (progress) => void told.push(progress) }, start);
    const bad = tasks.run(
      'k',
      'work',
      {
        onProgress: () => {
          throw new Error('faulty');
        },
      },
      start,
    );
    await turn();
    starts[0]!.tell({ kind: 'resolve' });
    await expect(bad).rejects.toThrow('faulty');
    starts[0]!.tell({ kind: 'done' });
    ends[0]!.resolve('done');
    expect(await good).toBe('done');
    expect(told).toEqual([{ kind: 'resolve' }, { kind: 'done' }]);
  });
});
