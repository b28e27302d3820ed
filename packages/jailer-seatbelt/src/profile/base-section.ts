import { filter, rule, type SbplSection, symbol } from '../sbpl/sbpl-form.js';

/** What `uname`, `sysconf` and the allocators of the C library ask for. None of them tells of other processes (`kern.proc`, `kern.procargs2`). */
const SYSCTL_NAMES = [
  'kern.argmax',
  'kern.hostname',
  'kern.hv_support',
  'kern.maxfilesperproc',
  'kern.ngroups',
  'kern.osproductversion',
  'kern.osrelease',
  'kern.ostype',
  'kern.osversion',
  'kern.secure_kernel',
  'kern.usrstack64',
  'kern.version',
  'sysctl.proc_cputype',
  'vm.loadavg',
];
/** Processor and memory of the machine. */
const SYSCTL_PREFIXES = ['hw.', 'machdep.cpu.'];

/**
 * `(deny default)` does not reach every operation: some are allowed unless a profile denies them by name. What a section after this one does not
 * allow again stays denied.
 */
const NOT_COVERED_BY_DEFAULT = ['file-map-executable', 'iokit-get-properties', 'nvram*', 'process-info*'];

/** What every command needs of the machine, and nothing that leads to other processes. No Mach service is among it. */
export function baseSection(machServices: readonly string[]): SbplSection {
  return {
    heading: ['Base: nothing but what follows'],
    forms: [
      [symbol('version'), symbol('1')],
      rule('deny', ['default']),
      rule('deny', NOT_COVERED_BY_DEFAULT),
      rule(
        'allow',
        ['sysctl-read'],
        [
          ...SYSCTL_PREFIXES.map((prefix) => filter('sysctl-name-prefix', prefix)),
          ...SYSCTL_NAMES.map((name) => filter('sysctl-name', name)),
        ],
      ),
      // Hypervisor.framework on Intel; on Apple silicon it is system calls, which the entitlement of the program's signature opens.
      rule('allow', ['iokit-open'], [filter('iokit-user-client-class', 'AppleHVClient')]),
      ...(machServices.length === 0
        ? []
        : [
            rule(
              'allow',
              ['mach-lookup'],
              machServices.map((name) => filter('global-name', name)),
            ),
          ]),
    ],
  };
}
