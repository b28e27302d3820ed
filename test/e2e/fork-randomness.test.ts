import { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awaitForks, type Drawn, drawnBy } from '../support/drawn-randomness.js';
import { patience } from '../support/patience.js';
import { temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';
/** Forks of one box; `BOXLITE_TEST_FORKS` for another number. */
const FORKS = Number(process.env.BOXLITE_TEST_FORKS ?? (process.env.BOXLITE_TEST_FULL ? 200 : 40));
/** At the same time: each takes 30 MiB. */
const BATCH = 20;
const FORK_TIMEOUT_MS = patience(5_000);

describe.skipIf(!isQemu)(`${FORKS} forks of a running box`, { timeout: FORKS * FORK_TIMEOUT_MS }, () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  let boxlite: Boxlite;
  const drawn: Drawn[] = [];

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    const parent = await boxlite.create({ name: 'parent', memoryMib: 128 });
    await awaitForks(parent);
    while (drawn.length < FORKS) {
      const forks = await parent.fork(Math.min(BATCH, FORKS - drawn.length));
      drawn.push(...(await Promise.all(forks.map(drawnBy))));
      await Promise.all(forks.map(({ id }) => boxlite.remove(id, { force: true })));
    }
    await boxlite.remove(parent.id, { force: true });
  }, FORKS * FORK_TIMEOUT_MS);

  afterAll(async () => {
    await boxlite.shutdown();
    await home.end();
  });

  it.each([
    ...['random', 'uuid', 'boot id', 'AT_RANDOM', 'stack', 'mmap', 'TCP sequence'],
    ...['earlier random', 'earlier uuid', 'earlier boot id', 'earlier TCP sequence'],
  ])('have no two equal: %s', (name) => {
    expect(new Set(drawn.map((one) => one[name]).filter(Boolean)).size).toBe(FORKS);
  });
});
