/** File descriptors that QEMU inherits; each is one end of a socket pair. */
export const INHERITED = { out: 3, err: 4, control: 5, console: 6 };

/**
 * The command line of the nested host: TCG emulates AMD's SVM with nested paging, so its `/dev/kvm` runs unmodified kernels.
 * @param {{ kernel: string, initramfs: string, rootDisk: string, checkoutSocket: string, memoryMiB: number, cpus: number, jobBytes: number }} host
 * @returns {string[]}
 */
export function qemuArguments(host) {
  const { kernel, initramfs, rootDisk, checkoutSocket, memoryMiB, cpus, jobBytes } = host;
  const ports = ['out', 'err', 'control'].flatMap((name) => [
    ...['-chardev', `socket,id=${name},fd=${INHERITED[name]}`],
    ...['-device', `virtserialport,chardev=${name},name=${name}`],
  ]);
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    // Shared memory is what lets virtiofsd serve the guest.
    ...['-object', `memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on`],
    ...['-machine', 'pc,memory-backend=memory,usb=off,vmport=off,hpet=off'],
    // One thread a virtual processor; the code cache holds node, the kernels and what the boxes run.
    ...['-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', 'EPYC,+svm,+npt'],
    ...['-smp', String(cpus), '-m', String(memoryMiB)],
    ...['-kernel', kernel, '-initrd', initramfs],
    '-append',
    `console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off audit=0 no-kvmapf random.trust_cpu=on tsc=reliable kvm_host.job=${jobBytes}`,
    ...['-chardev', `socket,id=console,fd=${INHERITED.console}`, '-serial', 'chardev:console'],
    // Writes go to a temporary file that QEMU unlinks as soon as it has opened it.
    ...['-drive', `if=virtio,file=${escaped(rootDisk)},format=raw,snapshot=on,cache=unsafe,discard=unmap`],
    ...['-chardev', `socket,id=checkout,path=${escaped(checkoutSocket)}`],
    ...['-device', 'vhost-user-fs-pci,chardev=checkout,tag=checkout,queue-size=1024'],
    ...['-device', 'virtio-serial-pci', ...ports],
    ...['-object', 'rng-random,id=random,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=random'],
  ];
}

/** A comma ends a value in QEMU's option syntax unless it is doubled. */
function escaped(path) {
  return path.replaceAll(',', ',,');
}
