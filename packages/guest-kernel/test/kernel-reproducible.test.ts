import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileKernel } from '../kernel/build/compile.mjs';
import { buildInputs, sha256OfFile } from '../kernel/build/inputs.mjs';
import { missingPackages } from '../kernel/build/obstacles.mjs';

/** Two kernels are built: about ten minutes on two cores. */
const isFull = process.env.BOXLITE_TEST_FULL === '1' && missingPackages('linux-x64').length === 0;
const scratch = mkdtempSync(join(tmpdir(), 'kernel-twice-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.runIf(isFull)('the guest kernel', () => {
  it('has the same bytes when it is built twice, in directories of different names', {
    timeout: 3_600_000,
  }, async () => {
    const from = await buildInputs('linux-x64');
    const hashes: string[] = [];
    for (const name of ['one', 'another-directory/with-a-longer-name']) {
      const [workshop, out] = ['source', 'out'].map((part) => join(scratch, name, part)) as [string, string];
      for (const directory of [workshop, out]) mkdirSync(directory, { recursive: true });
      const { sha256 } = await compileKernel('linux-x64', from, { workshop, out });
      expect(await sha256OfFile(join(out, 'vmlinux'))).toBe(sha256);
      expect(readFileSync(join(out, 'vmlinux')).includes(scratch)).toBe(false);
      rmSync(workshop, { recursive: true });
      hashes.push(sha256);
    }
    expect(hashes[1]).toBe(hashes[0]);
  });
});
