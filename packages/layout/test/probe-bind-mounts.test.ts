import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { probeBindMounts } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;

describe('the probe for bind mounts', () => {
  it('says no by default, without trying', async () => {
    const run = async (): Promise<never> => {
      throw new Error('it was tried');
    };
    const result = await probeBindMounts('/nowhere', { run });
    expect(result).toEqual({ supported: false, reason: expect.stringContaining('default') });
  });

  it('says why when a mount fails, and leaves nothing behind', async () => {
    const tmp = await temporaryDirectory();
    const run = async (): Promise<never> => {
      throw new Error('unshare: Operation not permitted');
    };
    const result = await probeBindMounts(tmp, { enabled: true, platform: 'linux', run });
    expect(result).toEqual({ supported: false, reason: expect.stringContaining('Operation not permitted') });
    expect(readdirSync(tmp)).toEqual([]);
  });

  it.runIf(isRoot && process.platform === 'linux')('really mounts for root, where nobody sees it', async () => {
    const tmp = await temporaryDirectory();
    expect(await probeBindMounts(tmp, { enabled: true })).toEqual({ supported: true });
    expect(readdirSync(tmp)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(tmp);
  });
});
