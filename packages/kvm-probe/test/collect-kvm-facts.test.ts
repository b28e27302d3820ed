import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { classifyKvm, collectKvmFacts } from '@boxlite/kvm-probe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RELEASE = '6.1.0-28-amd64';
const INTEL = 'vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx lm\n';
const INTEL_GUEST = 'vendor_id\t: GenuineIntel\nflags\t\t: fpu lm hypervisor\n';
const AMD = 'vendor_id\t: AuthenticAMD\nflags\t\t: fpu svm lm\n';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'boxlite-host-'));
  await record({ '/proc/sys/kernel/osrelease': `${RELEASE}\n`, '/proc/version': `Linux version ${RELEASE}` });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes the files of a host below the root. */
async function record(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** A probe program that says what it said on the recorded host. */
async function program(line: object): Promise<string> {
  const path = join(root, 'probe');
  const whole = { errno: 0, apiVersion: 0, exitReason: 0, suberror: 0, checks: {}, tscKhz: 0, ...line };
  await writeFile(path, `#!/bin/sh\necho '${JSON.stringify(whole)}'\n`, { mode: 0o755 });
  return path;
}

async function statusOf(said: object = { step: 'open', errno: 2 }) {
  const binary = await program(said);
  return classifyKvm(
    await collectKvmFacts({
      root,
      device: join(root, 'dev/kvm'),
      findBinary: () => binary,
      platform: 'linux',
      architecture: 'x64',
      userName: 'alice',
    }),
  );
}

describe('the facts of a recorded host', () => {
  it('lead to module-absent, with the module of the processor, where it was not loaded', async () => {
    await record({
      '/proc/cpuinfo': AMD,
      [`/lib/modules/${RELEASE}/modules.dep`]: 'kernel/arch/x86/kvm/kvm-amd.ko: kernel/arch/x86/kvm/kvm.ko\n',
    });
    expect(await statusOf()).toMatchObject({
      state: 'module-absent',
      remedy: expect.stringContaining('modprobe kvm_amd'),
    });
  });

  it('lead to another kernel where the running one has no such module', async () => {
    await record({ '/proc/cpuinfo': INTEL, [`/lib/modules/${RELEASE}/modules.dep`]: 'kernel/fs/ext4/ext4.ko:\n' });
    expect(await statusOf()).toMatchObject({
      state: 'module-absent',
      reason: expect.stringContaining('has no module'),
    });
  });

  it("lead to disabled-in-firmware by the kernel's own words", async () => {
    await record({
      '/proc/cpuinfo': INTEL,
      '/dev/kmsg': '6,1,1,-;usb 1-1: new device\n3,1,1,-;kvm: VMX (outside TXT) disabled by BIOS\n',
    });
    expect(await statusOf()).toMatchObject({ state: 'disabled-in-firmware', remedy: expect.stringContaining('VT-x') });
  });

  it('lead to nested-off, with the words for its hypervisor, in a virtual machine', async () => {
    await record({
      '/proc/cpuinfo': INTEL_GUEST,
      '/sys/class/dmi/id/sys_vendor': 'VMware, Inc.\n',
      '/sys/class/dmi/id/product_name': 'VMware Virtual Platform\n',
    });
    expect(await statusOf()).toMatchObject({ state: 'nested-off', remedy: expect.stringContaining('vhv.enable') });
  });

  it('lead to missing in a container of a host that has KVM', async () => {
    await record({ '/proc/cpuinfo': INTEL, '/.dockerenv': '', '/sys/module/kvm_intel/refcnt': '0\n' });
    expect(await statusOf()).toMatchObject({ state: 'missing', remedy: expect.stringContaining('--device /dev/kvm') });
  });

  it.runIf(process.geteuid?.() === 0)('lead to denied, with the group of the device and who is in it', async () => {
    const denied = { step: 'open', errno: 13 };
    await record({
      '/proc/cpuinfo': INTEL,
      '/sys/module/kvm_intel/refcnt': '0\n',
      '/dev/kvm': '',
      '/etc/group': 'root:x:0:\nvirt:x:4711:bob,carol\n',
    });
    await chown(join(root, 'dev/kvm'), 0, 4711);
    await chmod(join(root, 'dev/kvm'), 0o660);
    expect(await statusOf(denied)).toMatchObject({
      state: 'denied',
      remedy: expect.stringMatching(/^run "sudo usermod -aG virt \$USER"/),
    });
    await record({ '/etc/group': 'virt:x:4711:bob,alice\n' });
    expect(await statusOf(denied)).toMatchObject({ remedy: expect.stringMatching(/^log in again/) });
    await record({ '/etc/group': '$(reboot):x:4711:\n' });
    expect((await statusOf(denied)) as { remedy: string }).toMatchObject({
      state: 'denied',
      remedy: expect.not.stringContaining('reboot'),
    });
    await chmod(join(root, 'dev/kvm'), 0o600);
    expect(await statusOf(denied)).toMatchObject({ remedy: expect.stringContaining('udev') });
  });

  it('lead to usable when the program says that its guest came to its end', async () => {
    await record({ '/proc/cpuinfo': INTEL, '/sys/module/kvm_intel/refcnt': '0\n', '/dev/kvm': '' });
    const done = { step: 'done', apiVersion: 12, exitReason: 5, checks: { 'lock cmpxchg16b': true, int3: true } };
    expect(await statusOf(done)).toEqual({ state: 'usable', apiVersion: 12 });
  });

  it('are none on a host that shows nothing, and the state is still named', async () => {
    expect(await statusOf()).toMatchObject({ state: 'disabled-in-firmware' });
  });
});
