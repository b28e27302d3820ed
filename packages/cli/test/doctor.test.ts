import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnosis } from '@boxlite/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../../test/support/run-cli.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'boxlite-doctor-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('boxlite doctor', () => {
  it('tells on one screen what this machine can do, and exits with 0 because a box can run', async () => {
    const { status, stdout, stderr } = await runCli(['doctor'], { home });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.toString().split('\n');
    expect(lines.length).toBeLessThan(35);
    for (const start of ['platform', 'disk-space', 'kvm', 'user-namespaces', 'apparmor', 'cgroups', 'vmm qemu']) {
      expect(lines.filter((line) => line.slice(6).startsWith(`${start} `))).toHaveLength(1);
    }
    expect(lines.at(-2)).toMatch(/^Boxes run here, with VMM (libkrun|qemu) in sandbox bwrap(\+landlock)?\.$/);
  });

  it('prints the same for programs with --json, in a shape that does not change', async () => {
    const { status, stdout } = await runCli(['doctor', '--json'], { home });
    expect(status).toBe(0);
    const diagnosis: Diagnosis = JSON.parse(stdout.toString());
    expect(Object.keys(diagnosis)).toEqual(['version', 'healthy', 'checks']);
    expect(diagnosis).toMatchObject({ version: 1, healthy: true });
    for (const check of diagnosis.checks) {
      expect(Object.keys(check).filter((name) => name !== 'remedy')).toEqual(['id', 'status', 'detail', 'facts']);
      expect(['ok', 'warning', 'failed']).toContain(check.status);
    }
    const factsOf = (id: string) => Object.keys(diagnosis.checks.find((check) => check.id === id)?.facts ?? {});
    expect(factsOf('disk-space')).toEqual(['path', 'freeBytes', 'totalBytes']);
    expect(factsOf('cgroups')).toEqual(['hierarchy', 'controllers', 'degradations']);
    expect(factsOf('guest-kernel')).toEqual(['source', 'version', 'origin', 'path', 'digest']);
    expect(factsOf('libkrun')).toEqual(['path', 'origin', 'version', 'minimumVersion', 'features', 'maxVcpus']);
    expect(factsOf('vmm:qemu')).toEqual(['kind', 'plugin', 'available', 'default', 'origin']);
  });

  it('exits with 1 where no box can run: no program of a VMM or sandbox in PATH', async () => {
    const { status, stdout } = await runCli(['doctor', '--json'], { home, env: { PATH: '/nonexistent' } });
    expect(status).toBe(1);
    const { healthy, checks }: Diagnosis = JSON.parse(stdout.toString());
    expect(healthy).toBe(false);
    const statusOf = (id: string) => checks.find((check) => check.id === id)?.status;
    expect(statusOf('sandbox:bwrap')).toBe('failed');
    // Where KVM is usable libkrun needs no program of the host's; it is the sandbox that is missing then.
    const state = checks.find(({ id }) => id === 'kvm')?.facts.state;
    expect(statusOf('vmm:libkrun')).toBe(state === 'usable' ? 'ok' : 'failed');
    expect(statusOf('vmm:qemu')).toBe(state === 'usable' ? 'warning' : 'failed');
    const text = (await runCli(['doctor'], { home, env: { PATH: '/nonexistent' } })).stdout.toString();
    expect(text).toMatch(/\nFAIL {2}sandbox bwrap +bubblewrap is not installed.*\[\d\]\n/);
    expect(text).toMatch(/\n {2}\[\d\] install it: `apt install bubblewrap`/);
    expect(text).toMatch(/\nNo box can run here before this is mended: .*sandbox bwrap.*\.\n$/);
  });

  it('names a libkrun that BOXLITE_LIBKRUN does not find, and goes on', async () => {
    const { status, stdout } = await runCli(['doctor'], {
      home,
      env: { BOXLITE_LIBKRUN: '/nonexistent/libkrun.so.1' },
    });
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(
      /\nwarn {2}libkrun +\/nonexistent\/libkrun\.so\.1 \(BOXLITE_LIBKRUN\) does not exist/,
    );
  });

  it('shows a home of hostile name harmlessly, for people and for programs', async () => {
    const hostile = join(home, 'a\nok    kvm   usable\u001b[2J\u009b31m');
    for (const args of [['doctor'], ['doctor', '--json']]) {
      const { stdout, stderr } = await runCli(['--home', hostile, ...args], { home });
      expect(stderr).toBe('');
      expect(stdout.toString()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      expect(stdout.toString()).not.toMatch(/^ok {4}kvm {3}usable/m);
    }
  });
});
