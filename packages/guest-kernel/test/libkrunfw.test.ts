import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLibkrunfwKernelSource, libkrunfwKernelPlugin } from '@boxlite/guest-kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'boxlite-kernel-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Bytes this process has read so far, from files and caches alike (proc(5), `io`). */
async function bytesRead(): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

describe('the kernel of the libkrunfw found here', () => {
  it('boots in QEMU through its PVH entry and gets as far as looking for a root file system', async () => {
    const { path } = await createLibkrunfwKernelSource({ home }).kernel();
    expect(await consoleOf(path)).toContain('Unable to mount root fs');
  });

  it('is found without reading it on every later start', async () => {
    const { path } = await createLibkrunfwKernelSource({ home }).kernel();
    const before = await bytesRead();
    await createLibkrunfwKernelSource({ home }).kernel();
    expect((await bytesRead()) - before).toBeLessThan((await stat(path)).size / 10);
  });

  it('makes the plugin available, with the version for people', async () => {
    const plugin = libkrunfwKernelPlugin({ home });
    expect(await plugin.probe()).toMatchObject({ available: true, detail: expect.stringMatching(/^Linux 6\./) });
    expect((await plugin.create(undefined).kernel()).version).toMatch(/^6\./);
  });
});

/** What a kernel says until it reboots, which ends QEMU. */
function consoleOf(kernel: string): Promise<string> {
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...[
        '-M',
        'microvm,acpi=off',
        '-accel',
        'tcg,tb-size=64',
        '-cpu',
        'EPYC',
        '-m',
        '128M',
        '-nodefaults',
        '-no-reboot',
      ],
      ...['-display', 'none', '-kernel', kernel, '-append', 'console=hvc0 reboot=t panic=-1'],
      ...[
        '-device',
        'virtio-serial-device',
        '-chardev',
        'stdio,id=console,signal=off',
        '-device',
        'virtconsole,chardev=console',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 },
  );
  return new Promise((resolve, reject) => {
    let text = '';
    qemu.stdout.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    qemu.on('error', reject);
    qemu.on('close', () => resolve(text));
  });
}
