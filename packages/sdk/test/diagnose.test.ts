import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Check, defaultRegistry, diagnose } from '@boxlite/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let parent: string;
let homeDir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'boxlite-doctor-'));
  homeDir = join(parent, 'home');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const ids = (checks: readonly Check[]) => checks.map(({ id }) => id);

describe('diagnose', () => {
  it('looks at everything a box needs on this machine, always in the same order, and finds that boxes run here', async () => {
    const { version, healthy, checks } = await diagnose({ homeDir });
    expect({ version, healthy }).toEqual({ version: 1, healthy: true });
    expect(ids(checks)).toEqual([
      'platform',
      'programs',
      'home',
      'disk-space',
      'kvm',
      'user-namespaces',
      'apparmor',
      'cgroups',
      'seccomp',
      'guest-kernel',
      'libkrun',
      'vmm:libkrun',
      'vmm:qemu',
      'sandbox:bwrap',
      'sandbox:landlock',
      'sandbox:seatbelt',
      'kernel-source:boxlite',
      'kernel-source:libkrunfw',
      'image-source:local',
      'image-source:registry',
      'disk-store:reflink',
      'disk-store:qcow2',
    ]);
    const of = (id: string) => checks.find((check) => check.id === id);
    expect(of('libkrun')).toMatchObject({ status: 'ok', facts: { version: '1.17.4', features: ['net', 'blk'] } });
    expect(of('guest-kernel')).toMatchObject({ status: 'ok', facts: { version: expect.stringMatching(/^6\./) } });
    expect(of('home')).toMatchObject({ facts: { path: homeDir } });
    // libkrun is the default exactly where KVM can carry it.
    const isUsable = of('kvm')?.facts.state === 'usable';
    expect(of('vmm:libkrun')?.facts.default).toBe(isUsable);
    expect(of('vmm:qemu')?.facts.default).toBe(!isUsable);
    for (const { status, remedy } of checks) expect(remedy === undefined).toBe(status === 'ok');
  });

  it('is not healthy with a home that cannot be made, which it names', async () => {
    const { healthy, checks } = await diagnose({ homeDir: '/proc/nowhere' });
    expect(healthy).toBe(false);
    expect(checks.find(({ id }) => id === 'home')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('/proc/nowhere'),
    });
    expect(ids(checks)).not.toContain('disk-space');
  });

  it('lists a plugin of a stranger with the file it came from, and stays healthy while another of its kind is available', async () => {
    const registry = defaultRegistry();
    const broken = {
      kind: 'sandbox',
      id: 'broken',
      priority: 99,
      specificationVersion: 'v1',
      probe: async () => ({ available: false, reason: 'never', remedy: 'none' }) as const,
      create: () => ({}),
    } as const;
    const { healthy, checks } = await diagnose({ homeDir, registry: registry.register(broken, '/plugins/broken.mjs') });
    // Another sandbox is there, so this one only warns.
    expect(healthy).toBe(true);
    expect(checks.find(({ id }) => id === 'sandbox:broken')).toMatchObject({
      status: 'warning',
      facts: { origin: '/plugins/broken.mjs', default: false },
    });
  });
});
