import type { VmmHandlerV1, VmmSpecV1 } from '../../contracts/v1/vmm-handler-v1.js';
import type { VmmHandler, VmmSpec } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';

/**
 * A handler of version 1 as one of version 2. It is given exactly the specification it knows, and a machine that needs more is refused, by
 * `check` and by every other member: without its initial RAM disk a guest would panic somewhere in its boot, without its snapshot it would boot.
 */
export function adaptVmmHandlerV1(handler: VmmHandlerV1): VmmHandler {
  const known = (spec: VmmSpec): VmmSpecV1 => asVersion1(handler.id, spec);
  return {
    id: handler.id,
    check: (spec) => handler.check(known(spec)),
    requirements: async (spec) => handler.requirements(known(spec)),
    command: (spec) => handler.command(known(spec)),
    memoryOverheadMib: (spec) => handler.memoryOverheadMib(known(spec)),
    start: async (spec, host, signal) => handler.start(known(spec), host, signal),
    attach: (vm, listenerPath) => handler.attach(vm, listenerPath),
  };
}

function asVersion1(id: string, spec: VmmSpec): VmmSpecV1 {
  const { initrd, from, boxId, vcpus, memoryMib, kernel, commandLine, disks, shares, nics, agentSocket } = spec;
  if (from !== undefined) {
    throw new BoxliteError(
      'unsupported',
      `box ${boxId} is to go on from a snapshot, and the vmm plugin "${id}" is made for version v1 of its contract, which knows none`,
      {
        hint: 'update the plugin, boot the box, or choose the vmm "qemu" and make the snapshot with it',
        details: { field: 'from' },
      },
    );
  }
  if (initrd === undefined) return { boxId, vcpus, memoryMib, kernel, commandLine, disks, shares, nics, agentSocket };
  throw new BoxliteError(
    'unsupported',
    `box ${boxId}: its kernel needs the initial RAM disk ${initrd}, and the vmm plugin "${id}" is made for version v1 of its contract, which has none`,
    {
      hint: 'update the plugin to version v2, or choose a kernel that boots without an initial RAM disk',
      details: { field: 'initrd', path: initrd },
    },
  );
}
