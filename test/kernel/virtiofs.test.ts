import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gapOf } from '../support/features.js';
import { patience } from '../support/patience.js';
import { type KernelBox, startKernelBox } from './support/kernel-box.js';
import { whyNoOwnKernel } from './support/own-kernel.js';

const MIB = 1024 * 1024;
const missing = (await whyNoOwnKernel()) ?? (await gapOf('volumes'));

describe.skipIf(missing !== undefined)(`virtiofs${missing === undefined ? '' : ` (${missing})`}`, () => {
  let host: string;
  let machine: KernelBox;
  beforeAll(async () => {
    host = await mkdtemp(join(tmpdir(), 'boxlite-virtiofs-'));
    machine = await startKernelBox({ memoryMib: 512, volumes: [{ hostPath: host, guestPath: '/volume' }] });
  }, patience(60_000));
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    await rm(host, { recursive: true, force: true });
  });

  it('is what a volume is mounted as', async () => {
    expect(await machine.sh("grep ' /volume ' /proc/self/mounts")).toContain(' /volume virtiofs rw');
  });

  it('carries a file of 8 MiB both ways unchanged', async () => {
    const content = randomBytes(8 * MIB);
    await writeFile(join(host, 'in'), content);
    const digest = createHash('sha256').update(content).digest('hex');
    expect(await machine.sh('sha256sum < /volume/in')).toContain(digest);
    await machine.sh('cp /volume/in /volume/out && sync');
    expect((await readFile(join(host, 'out'))).equals(content)).toBe(true);
  });

  it('makes, renames, links, shortens and removes files, and lists a hundred of them', async () => {
    const script = `mkdir /volume/many && cd /volume/many && for i in $(seq 100); do : > file-$i; done && ls | wc -l &&
      echo one > a && mv a b && ln b c && ln -s b d && echo two >> d && cat c && truncate -s 2 c && cat b && rm -r /volume/many`;
    expect(await machine.sh(script)).toBe('100\none\ntwo\non');
    expect(await readdir(host)).not.toContain('many');
  });

  it('holds locks of files, and programs run from it', async () => {
    const script = `cp /bin/busybox /volume/busybox && /volume/busybox echo it runs &&
      exec 9> /volume/lock && flock -x 9 && ! flock -n /volume/lock true && echo held`;
    expect(await machine.sh(script)).toBe('it runs\nheld\n');
  });
});
