import { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awaitForks, drawnBy, shareOfEqualKeys } from '../support/drawn-randomness.js';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';
import { whyNoOwnKernel } from './support/own-kernel.js';

const FORKS = 5;

const missing = (await vmmUnderTest()) === 'qemu' ? await whyNoOwnKernel() : 'this VMM cannot fork';
const title = (text: string) => (missing === undefined ? text : `${text} (${missing})`);

describe.skipIf(missing !== undefined)(title('forks of a box that had opened a connection'), () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home, templates: false });
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.end();
  });

  async function keysOfForks(kernel?: string): Promise<readonly string[]> {
    const parent = await boxlite.create({ memoryMib: 128, ...(kernel === undefined ? {} : { kernel }) });
    await awaitForks(parent);
    const forks = await parent.fork(FORKS);
    const drawn = await Promise.all(forks.map(drawnBy));
    for (const { id } of [parent, ...forks]) await boxlite.remove(id, { force: true });
    return drawn.map((one) => one['TCP key'] ?? '');
  }

  it(
    'have a key of TCP sequence numbers of their own: these differ by more than the clock; the connection goes on',
    async () => {
      expect(shareOfEqualKeys(await keysOfForks())).toBeLessThan(0.3);
    },
    patience(60_000),
  );

  it(
    'have one key with a kernel that draws it once, which is how it is seen here',
    async () => {
      expect(shareOfEqualKeys(await keysOfForks('libkrunfw'))).toBe(1);
    },
    patience(60_000),
  );
});
