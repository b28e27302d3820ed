import q35 from '../index.js';

/**
 * The plugin as it was for version 1 of the contract, where a machine had no initial RAM disk: it took one from its user.
 * @param {string} initrd
 */
export function q35Version1(initrd) {
  const withInitrd = (spec) => ({ ...spec, initrd });
  return {
    ...q35,
    specificationVersion: 'v1',
    create(context) {
      const vmm = q35.create(context);
      return {
        id: vmm.id,
        check: (spec) => vmm.check(withInitrd(spec)),
        async requirements(spec) {
          const { paths, devices } = await vmm.requirements(withInitrd(spec));
          return { paths: [...paths, { path: initrd, writable: false }], devices };
        },
        command: (spec) => vmm.command(withInitrd(spec)),
        memoryOverheadMib: (spec) => vmm.memoryOverheadMib(withInitrd(spec)),
        start: (spec, host, signal) => vmm.start(withInitrd(spec), host, signal),
        attach: (vm, listenerPath) => vmm.attach(vm, listenerPath),
      };
    },
  };
}
