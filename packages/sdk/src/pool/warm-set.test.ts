import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import type { PoolHost, WarmBox } from './pool-host.js';
import { WarmSet } from './warm-set.js';

interface FakeBox {
  readonly warm: WarmBox<string>;
  end(): void;
}

/** A host whose starts are finished, or fail, when the test says so. */
function fakeHost() {
  const events: string[] = [];
  const starts: { succeed(): FakeBox; fail(thrown: unknown): void; readonly signal: AbortSignal }[] = [];
  const rests: { readonly milliseconds: number; wake(): void }[] = [];
  const refused = new Set<string>();
  let count = 0;
  const host: PoolHost<string> = {
    makeWarm: (signal) =>
      new Promise((resolve, reject) => {
        const name = `box${++count}`;
        events.push(`start ${name}`);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        starts.push({
          signal,
          fail: reject,
          succeed() {
            const box = fakeBox(name);
            resolve(box.warm);
            return box;
          },
        });
      }),
    log: (message) => void events.push(`log ${message}`),
    wait: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        rests.push({ milliseconds, wake: resolve });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  function fakeBox(name: string): FakeBox {
    let ended: (() => void) | undefined;
    return {
      end: () => ended?.(),
      warm: {
        box: name,
        onEnd: (listener) => {
          ended = listener;
        },
        handOut: async () => {
          if (refused.has(name)) throw new BoxliteError('not_found', 'gone');
          events.push(`hand out ${name}`);
        },
        discard: async () => void events.push(`discard ${name}`),
      },
    };
  }
  return { host, events, starts, rests, refused };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function filled(target: number) {
  const fake = fakeHost();
  const set = new WarmSet(fake.host, { target, concurrency: target });
  const boxes = fake.starts.splice(0).map((start) => start.succeed());
  await set.full();
  return { ...fake, set, boxes };
}

describe('WarmSet', () => {
  it('starts as many boxes as it may at a time until its target is warm', async () => {
    const { host, starts } = fakeHost();
    const set = new WarmSet(host, { target: 3, concurrency: 2 });
    expect(set.stats).toEqual({ warm: 0, starting: 2, waiting: 0, taken: 0, target: 3 });
    starts[0]!.succeed();
    await turn();
    expect(set.stats).toMatchObject({ warm: 1, starting: 2 });
    starts[1]!.succeed();
    starts[2]!.succeed();
    await set.full();
    expect(set.stats).toMatchObject({ warm: 3, starting: 0 });
    expect(starts).toHaveLength(3);
  });

  it('hands out a warm box without a start, the oldest first, and starts another in its place', async () => {
    const { set, starts, events } = await filled(2);
    expect(await set.take()).toBe('box1');
    expect(set.stats).toMatchObject({ warm: 1, starting: 1, taken: 1 });
    starts[0]!.succeed();
    await set.full();
    expect(await set.take()).toBe('box2');
    expect(events.filter((event) => event.startsWith('discard'))).toEqual([]);
  });

  it('serves callers that wait in their order, with starts beyond its target', async () => {
    const { host, starts } = fakeHost();
    const set = new WarmSet(host, { target: 1, concurrency: 3 });
    const taken = [set.take(), set.take(), set.take()];
    expect(set.stats).toMatchObject({ starting: 3, waiting: 3 });
    for (const start of starts) start.succeed();
    expect(await Promise.all(taken)).toEqual(['box1', 'box2', 'box3']);
  });

  it('tells a caller that waits why its start failed, and rests only when nobody waits, longer each time', async () => {
    const { host, starts, rests, events } = fakeHost();
    const set = new WarmSet(host, { target: 1, concurrency: 1 });
    const taken = set.take();
    starts[0]!.fail(new BoxliteError('disk_full', 'full'));
    await expect(taken).rejects.toMatchObject({ code: 'disk_full' });
    await turn();
    expect(rests.map(({ milliseconds }) => milliseconds)).toEqual([100]);
    rests[0]!.wake();
    await turn();
    starts[1]!.fail(new Error('again'));
    await turn();
    expect(rests.map(({ milliseconds }) => milliseconds)).toEqual([100, 200]);
    expect(events).toContain('log a warm box could not be started');
    // Somebody who comes meanwhile is not made to wait for the end of the rest.
    const next = set.take();
    starts[2]!.succeed();
    expect(await next).toBe('box3');
  });

  it('removes a warm box that ends and starts another', async () => {
    const { set, boxes, events, starts } = await filled(2);
    boxes[0]!.end();
    await turn();
    expect(events).toContain('discard box1');
    expect(set.stats).toMatchObject({ warm: 1, starting: 1 });
    starts[0]!.succeed();
    await set.full();
    expect(await set.take()).toBe('box2');
  });

  it('passes over a box somebody else has removed', async () => {
    const { set, refused, events } = await filled(2);
    refused.add('box1');
    expect(await set.take()).toBe('box2');
    expect(events).toContain('discard box1');
  });

  it('lets a caller give up without taking a box from the next', async () => {
    const { host, starts } = fakeHost();
    const set = new WarmSet(host, { target: 1, concurrency: 1 });
    const controller = new AbortController();
    const first = set.take(controller.signal);
    const second = set.take();
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    starts[0]!.succeed();
    expect(await second).toBe('box1');
    await expect(set.take(AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });

  it('grows and shrinks', async () => {
    const { set, events, starts } = await filled(3);
    await set.resize(1);
    expect(events.filter((event) => event.startsWith('discard'))).toEqual(['discard box2', 'discard box3']);
    await set.resize(2);
    starts[0]!.succeed();
    await set.full();
    expect(set.stats).toMatchObject({ warm: 2, target: 2 });
  });

  it('keeps no more than its target of what was begun when it was larger, or for a caller that gave up', async () => {
    const { host, events, starts } = fakeHost();
    const set = new WarmSet(host, { target: 3, concurrency: 3 });
    const full = set.full();
    starts[0]!.succeed();
    await turn();
    await set.resize(1);
    // Reached by becoming smaller: nobody waits for what is not made any more.
    await full;
    starts[1]!.succeed();
    await turn();
    expect(events).toContain('discard box2');
    await set.resize(0);
    const controller = new AbortController();
    const taken = set.take(controller.signal);
    controller.abort();
    await expect(taken).rejects.toMatchObject({ code: 'aborted' });
    starts[2]!.succeed();
    await turn();
    expect(events.filter((event) => event.startsWith('discard'))).toEqual([
      'discard box2',
      'discard box1',
      'discard box3',
    ]);
    expect(set.stats).toMatchObject({ warm: 0, starting: 0, target: 0 });
  });

  it('when drained undoes its starts, removes what is warm, turns callers away, and leaves taken boxes alone', async () => {
    const { set, events, starts } = await filled(2);
    expect(await set.take()).toBe('box1');
    expect(await set.take()).toBe('box2');
    starts[0]!.succeed();
    await turn();
    const until = set.full();
    await set.drain();
    await expect(until).rejects.toMatchObject({ code: 'stopped' });
    expect(starts.slice(1).every(({ signal }) => signal.aborted)).toBe(true);
    expect(events.filter((event) => event.startsWith('discard'))).toEqual(['discard box3']);
    expect(set.stats).toMatchObject({ warm: 0, starting: 0 });
    await expect(set.take()).rejects.toMatchObject({ code: 'stopped' });
    await set.drain();
  });

  it('turns callers that wait away when it is drained', async () => {
    const { host } = fakeHost();
    const set = new WarmSet(host, { target: 1, concurrency: 1 });
    const taken = set.take();
    await set.drain();
    await expect(taken).rejects.toMatchObject({ code: 'stopped' });
  });
});
