import type { SandboxContext } from '@boxlite/core';
import { runConfined } from '@boxlite/core/testing';
import { describe, expect, it } from 'vitest';
import { type BwrapSandboxOptions, createBwrapSandbox } from '../src/index.js';

const BUSYBOX = '/bin/busybox';

async function shell(script: string, parts: Partial<SandboxContext> = {}, options: BwrapSandboxOptions = {}) {
  const sandbox = createBwrapSandbox(options);
  await sandbox.isAvailable();
  const context: SandboxContext = {
    id: 'view',
    resourceLimits: {},
    networkEnabled: false,
    ...parts,
    paths: [{ path: BUSYBOX, writable: false }, ...(parts.paths ?? [])],
  };
  await sandbox.setup(context);
  const args = ['sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`];
  return runConfined(sandbox.apply(context, { binary: BUSYBOX, args, env: {} }));
}

describe('the view bubblewrap builds', () => {
  it('holds nothing but what was granted, /tmp and four devices', async () => {
    const result = await shell('b find / -xdev | b sort; b ls /dev');
    expect(result.stdout.split('\n')).toEqual(
      ['/', '/bin', '/bin/busybox', '/dev', '/dev/null', '/dev/random', '/dev/urandom', '/dev/zero', '/tmp'].concat([
        'null',
        'random',
        'urandom',
        'zero',
        '',
      ]),
    );
  });

  it('has a read-only root and a writable /tmp', async () => {
    const result = await shell(
      'b mkdir /new && echo made; b touch /bin/x && echo made; echo x > /tmp/x && b cat /tmp/x',
    );
    expect(result.stdout).toBe('x\n');
    expect(result.stderr).toContain('Read-only file system');
  });

  it('has a /tmp that is full at its limit', async () => {
    const result = await shell(
      'b dd if=/dev/zero of=/tmp/big bs=64k count=64; b wc -c < /tmp/big',
      {},
      { tmpSizeBytes: 1024 * 1024 },
    );
    expect(result.stderr).toContain('No space left on device');
    expect(result.stdout).toBe('1048576\n');
  });

  it('shows only its own processes where /proc is granted; the command is process 1', async () => {
    const result = await shell('echo $$; b ls /proc | b grep -E "^[0-9]+$" | b wc -l', {
      paths: [{ path: '/proc', writable: true }],
    });
    const [pid, count] = result.stdout.trim().split('\n').map(Number);
    expect(pid).toBe(1);
    // The shell, and for ls, grep and wc each a subshell; the host has many more.
    expect(count).toBeLessThanOrEqual(7);
  });

  it('has devices that work, and only those', async () => {
    const result = await shell(
      'b head -c 4 /dev/urandom | b wc -c; echo x > /dev/null && echo ok; b ls -l /dev/kvm && echo kvm',
    );
    expect(result.stdout).toBe('4\nok\n');
  });

  it('forbids further user namespaces', async () => {
    const result = await shell('b unshare -U true && echo made');
    expect(result.stdout).toBe('');
    expect(result.code).not.toBe(0);
  });
});
