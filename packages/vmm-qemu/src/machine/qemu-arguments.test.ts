import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { qemuArguments } from './qemu-arguments.js';

const spec: VmmSpec = {
  boxId: 'a1B2c3D4e5F6',
  vcpus: 1,
  memoryMib: 128,
  kernel: '/home/k/kernels/f00d',
  commandLine: ['root=/dev/vdb', 'ro'],
  disks: [
    { path: '/home/k/boxes/x/disks/disk.qcow2', format: 'qcow2', readOnly: false },
    { path: '/home/k/bases/12345678.ext4', format: 'raw', readOnly: true },
  ],
  shares: [],
  nics: [],
  agentSocket: '/tmp/bl-1000/x/box.sock',
};
const tcg = { accelerator: 'tcg', reason: 'chosen', tscKhz: 2_500_000, firmwareDir: '/usr/share/qemu' } as const;
const kvm = { accelerator: 'kvm', reason: 'KVM is usable' } as const;

/** One option and its value a line. */
function lines(args: readonly string[]): string {
  return args.join('\n').replaceAll(/\n(?!-)/g, ' ');
}

describe('qemuArguments', () => {
  it('builds a translated machine: no defaults, disks in order with their formats, console on stdout, agent and monitor', () => {
    expect(lines(qemuArguments(spec, tcg))).toMatchInlineSnapshot(`
      "-name guest=a1B2c3D4e5F6
      -no-user-config
      -nodefaults
      -no-reboot
      -display none
      -L /usr/share/qemu
      -machine microvm,acpi=off,x-option-roms=off,isa-serial=off,rtc=on
      -accel tcg,tb-size=64
      -cpu EPYC,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-perfctr-core,-clzero,-xsaveerptr,-ibpb,-nrip-save,-xsavec,-xsaves,-svm
      -smp 1
      -m 128M
      -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -kernel /home/k/kernels/f00d
      -append console=hvc0 reboot=t panic=-1 quiet no_timer_check tsc_early_khz=2500000 tsc=reliable noapictimer mitigations=off noreplace-smp initcall_blacklist=jent_mod_init root=/dev/vdb ro
      -global virtio-mmio.force-legacy=false
      -object rng-builtin,id=rng
      -device virtio-rng-device,rng=rng
      -device virtio-balloon-device,free-page-reporting=on,page-poison=off
      -blockdev {"driver":"qcow2","node-name":"disk0","read-only":false,"discard":"unmap","file":{"driver":"file","filename":"/home/k/boxes/x/disks/disk.qcow2","read-only":false,"discard":"unmap"}}
      -device virtio-blk-device,drive=disk0
      -blockdev {"driver":"raw","node-name":"disk1","read-only":true,"discard":"unmap","file":{"driver":"file","filename":"/home/k/bases/12345678.ext4","read-only":true,"discard":"unmap"}}
      -device virtio-blk-device,drive=disk1
      -device virtio-serial-device
      -chardev stdio,id=console,signal=off
      -device virtconsole,chardev=console
      -chardev socket,id=agent,path=/tmp/bl-1000/x/box.sock
      -device virtserialport,chardev=agent,name=agent
      -chardev socket,id=qmp,fd=10,server=on,wait=off
      -mon chardev=qmp,mode=control"
    `);
  });

  it('with KVM takes the host processor and leaves the kernel its own judgement of the hardware', () => {
    const text = lines(qemuArguments({ ...spec, vcpus: 4 }, kvm));
    expect(text).toContain('-accel kvm\n-cpu host\n-smp 4\n');
    expect(text).toContain('-append console=hvc0 reboot=t panic=-1 quiet no_timer_check root=/dev/vdb ro\n');
    expect(text).not.toContain('-L ');
  });

  it('leaves out what a QEMU without a sandbox of its own refuses, and nothing else', () => {
    const [full, small] = [true, false].map((hasSandbox) => qemuArguments(spec, { ...kvm, hasSandbox }));
    const at = full?.indexOf('-sandbox') ?? -1;
    expect(full?.[at + 1]).toMatch(/^on,.*spawn=deny/);
    expect(small).toEqual(full?.toSpliced(at, 2));
  });

  it('leaves the APIC timer on with several CPUs, and says nothing of a counter it does not know', () => {
    const { tscKhz: _, ...unknown } = tcg;
    const several = lines(qemuArguments({ ...spec, vcpus: 2 }, unknown));
    expect(several).not.toContain('noapictimer');
    expect(several).not.toContain('tsc');
  });

  it('for a machine that goes on maps its memory private, reads its state from a descriptor, boots nothing and is not connected yet', () => {
    const from = { memory: '/home/k/templates/a,b/memory', state: '/home/k/templates/a,b/state' };
    const text = lines(qemuArguments({ ...spec, from }, tcg));
    expect(text).toContain('rtc=on,memory-backend=microvm.ram\n');
    expect(text).toContain(
      '-object memory-backend-file,id=microvm.ram,size=128M,share=off,mem-path=/home/k/templates/a,,b/memory\n-incoming fd:11\n',
    );
    expect(text).toContain('-chardev null,id=agent\n');
    for (const absent of ['-kernel', '-append', from.state, spec.agentSocket]) expect(text).not.toContain(absent);
  });

  it('has a state of QEMU 8.2 and newer loaded as a file, and an older one by its descriptor', () => {
    const from = { memory: '/memory', state: '/state' };
    const incoming = (stateVersion: string) => lines(qemuArguments({ ...spec, from }, { ...tcg, stateVersion }));
    expect(incoming('10.0.13')).toContain('\n-add-fd fd=11,set=1\n-incoming file:/dev/fdset/1\n');
    expect(incoming('7.2.22')).toContain('\n-incoming fd:11\n');
    expect(incoming('7.2.22')).not.toContain('-add-fd');
  });

  it('lets no path become an option of its own', () => {
    const path = '/vms/a,b=c "d"\\/disk,read-only=off';
    const args = qemuArguments(
      { ...spec, disks: [{ path, format: 'raw', readOnly: true }], agentSocket: '/run/a,server=on/s' },
      tcg,
    );
    const block = JSON.parse(args[args.indexOf('-blockdev') + 1]!);
    expect(block).toMatchObject({ driver: 'raw', 'read-only': true, file: { filename: path, 'read-only': true } });
    expect(args).toContain('socket,id=agent,path=/run/a,,server=on/s');
  });
});
