import { describe, expect, it } from 'vitest';
import { qemuArguments } from './qemu-arguments.mjs';

const host = {
  kernel: '/i/vmlinuz',
  initramfs: '/t/initramfs',
  rootDisk: '/i/a,b/root.ext4',
  checkoutSocket: '/t/checkout.sock',
  memoryMiB: 6144,
  cpus: 2,
  jobBytes: 321,
};

describe('the command line of the nested host', () => {
  it('is this', () => {
    expect(qemuArguments(host).join(' ').replaceAll(' -', '\n-')).toMatchInlineSnapshot(`
      "-nodefaults
      -no-user-config
      -no-reboot
      -display none
      -object memory-backend-memfd,id=memory,size=6144M,share=on
      -machine pc,memory-backend=memory,usb=off,vmport=off,hpet=off
      -accel tcg,thread=multi,tb-size=1024
      -cpu EPYC,+svm,+npt
      -smp 2
      -m 6144
      -kernel /i/vmlinuz
      -initrd /t/initramfs
      -append console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off audit=0 no-kvmapf random.trust_cpu=on tsc=reliable kvm_host.job=321
      -chardev socket,id=console,fd=6
      -serial chardev:console
      -drive if=virtio,file=/i/a,,b/root.ext4,format=raw,snapshot=on,cache=unsafe,discard=unmap
      -chardev socket,id=checkout,path=/t/checkout.sock
      -device vhost-user-fs-pci,chardev=checkout,tag=checkout,queue-size=1024
      -device virtio-serial-pci
      -chardev socket,id=out,fd=3
      -device virtserialport,chardev=out,name=out
      -chardev socket,id=err,fd=4
      -device virtserialport,chardev=err,name=err
      -chardev socket,id=control,fd=5
      -device virtserialport,chardev=control,name=control
      -object rng-random,id=random,filename=/dev/urandom
      -device virtio-rng-pci,rng=random"
    `);
  });

  it('never writes to the image: all writes go to a temporary file of QEMU', () => {
    const drives = qemuArguments(host).filter((argument) => argument.startsWith('if=virtio'));
    expect(drives).toEqual([expect.stringContaining('file=/i/a,,b/root.ext4,format=raw,snapshot=on')]);
  });
});
