import { randomBytes } from 'node:crypto';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { temporaryHome } from '../support/temporary-home.js';

const FIFTY_MB = 50 * 1000 * 1000;

describe('the main job: a command from an OCI image in a VM of its own', () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  let boxlite: Boxlite;
  let box: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ memoryMib: 256 });
    await box.start();
  });

  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  const shell = (script: string, options = {}) => box.run('sh', ['-c', script], options);

  it('runs in a kernel of its own and passes output and exit status on', async () => {
    const result = await shell('uname -s; echo oops >&2; exit 7');
    expect(Buffer.from(result.stdout).toString()).toBe('Linux\n');
    expect(Buffer.from(result.stderr).toString()).toBe('oops\n');
    expect(result.exitCode).toBe(7);
    const release = Buffer.from((await shell('uname -r')).stdout)
      .toString()
      .trim();
    expect(release).not.toBe((await import('node:os')).release());
  });

  it('times every stage of the start', () => {
    expect(box.startTimings.map(({ name }) => name).sort()).toEqual(
      [
        'container-rootfs',
        'filesystem-setup',
        'guest-connect',
        'guest-init',
        'guest-kernel',
        'guest-rootfs',
        'vmm-spawn',
      ].sort(),
    );
  });

  it(
    'carries 50 MB of random bytes exactly, in both directions at once',
    async () => {
      const input = randomBytes(FIFTY_MB);
      const result = await box.run('cat', [], { input });
      expect(result.exitCode).toBe(0);
      expect(Buffer.compare(Buffer.from(result.stdout), input)).toBe(0);
    },
    patience(240_000),
  );

  it('keeps stdout and stderr apart, in order within each', async () => {
    const result = await shell('i=0; while [ $i -lt 500 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done');
    const lines = (name: string) => Array.from({ length: 500 }, (_, index) => `${name}${index}\n`).join('');
    expect(Buffer.from(result.stdout).toString()).toBe(lines('out'));
    expect(Buffer.from(result.stderr).toString()).toBe(lines('err'));
  });

  it('keeps its files over stop and start', async () => {
    await shell('echo kept > /root/file && mkdir -p /a/b && ln -s /root/file /a/b/link');
    await box.stop();
    expect((await box.info()).status).toBe('stopped');
    await box.start();
    expect(Buffer.from((await shell('cat /a/b/link')).stdout).toString()).toBe('kept\n');
  });
});
