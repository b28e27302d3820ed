import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Box, Boxlite, type StageName } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

describe('a start that is aborted', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  let box: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ memoryMib: 128 });
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  const staging = async () =>
    (await readdir(join(home.home, 'tmp'))).filter((name) => !/^(elf-closure|seccomp)-/.test(name));

  async function expectNothingLeft(): Promise<void> {
    expect(await waitUntilGone(() => processesOf(home.home))).toEqual([]);
    expect(await staging()).toEqual([]);
    expect(await box.info()).toMatchObject({ status: 'failed', errorReason: expect.stringContaining('aborted') });
  }

  // In the order of a start in a new home: each finds what the one before has completed.
  const stages: readonly StageName[] = [
    'filesystem-setup',
    'container-rootfs',
    'guest-rootfs',
    'guest-kernel',
    'vmm-spawn',
    'guest-connect',
    'guest-init',
  ];
  it.each(stages)('at %s rejects with "aborted" after everything is undone, and the record says so', async (stage) => {
    for (const when of ['at the beginning of the stage', 'while it runs']) {
      const aborter = new AbortController();
      const start = box.start({
        signal: aborter.signal,
        onStage(name, timing) {
          if (name !== stage || timing !== undefined) return;
          if (when === 'while it runs') setImmediate(() => aborter.abort());
          else aborter.abort();
        },
      });
      await expect(start, when).rejects.toMatchObject({ code: 'aborted', details: { boxId: box.id } });
      await expectNothingLeft();
    }
  });

  it('by a time limit of the caller is aborted, too', async () => {
    const aborter = new AbortController();
    const onStage = (name: StageName) => {
      if (name === 'guest-connect') aborter.abort(new DOMException('too slow', 'TimeoutError'));
    };
    await expect(box.start({ signal: aborter.signal, onStage })).rejects.toMatchObject({ code: 'aborted' });
    await expectNothingLeft();
  });

  it('before it began touches nothing', async () => {
    const before = await box.info();
    await expect(box.start({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    expect(await box.info()).toEqual(before);
  });

  it('by one of two callers goes on for the other', async () => {
    const aborter = new AbortController();
    const onStage = (name: StageName) => {
      if (name === 'vmm-spawn') aborter.abort();
    };
    const [aborted, run] = await Promise.allSettled([
      box.start({ signal: aborter.signal, onStage }),
      box.run('echo', ['still wanted']),
    ]);
    expect(aborted).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } });
    expect(run).toMatchObject({ status: 'fulfilled', value: { exitCode: 0 } });
    await box.stop();
  });

  it('by the shutdown of its runtime leaves nothing, and later calls say that the runtime is shut down', async () => {
    const runtime = await Boxlite.open({ homeDir: home.home });
    const theirs = await runtime.get(box.id);
    let ending: Promise<void> | undefined;
    const start = theirs?.start({
      onStage(name) {
        if (name === 'guest-connect') ending ??= runtime.shutdown();
      },
    });
    await expect(start).rejects.toMatchObject({ code: 'aborted' });
    await ending;
    await expectNothingLeft();
    const stopped = { code: 'stopped', hint: expect.stringContaining('Boxlite.open') };
    await expect(theirs?.run('true')).rejects.toMatchObject(stopped);
    await expect(theirs?.info()).rejects.toMatchObject(stopped);
    await expect(theirs?.stop()).rejects.toMatchObject(stopped);
    await expect(runtime.create()).rejects.toMatchObject(stopped);
    await expect(runtime.list()).rejects.toMatchObject(stopped);
    await Promise.all([runtime.shutdown(), runtime.shutdown()]);
  });
});
