import type { Check } from './check.js';

/** What the kernel says of filters of system calls. */
export interface SeccompFacts {
  /** Text of `/proc/sys/kernel/seccomp/actions_avail` (seccomp(2)); undefined where there is none. */
  readonly actions: string | undefined;
}

/** What the jail's filters answer with. */
const NEEDED = ['kill_process', 'errno'];
/** What a run that names refused calls needs, since Linux 5.0. */
const FOR_DIAGNOSIS = 'user_notif';

/** Facts: `actions`, as the kernel lists them. */
export function seccompCheck({ actions }: SeccompFacts): Check {
  const available = actions?.trim().split(/\s+/) ?? [];
  const common = { id: 'seccomp', facts: { actions: available } };
  const missing = NEEDED.filter((action) => !available.includes(action));
  if (missing.length > 0) {
    return {
      ...common,
      status: 'failed',
      detail: `the kernel has no filters of system calls that can ${missing.join(' and ')}`,
      remedy:
        'boot a kernel with CONFIG_SECCOMP_FILTER (Linux 4.14 or newer); without it a box starts with "--seccomp off" only',
    };
  }
  const diagnosis = available.includes(FOR_DIAGNOSIS) ? '; refused calls can be named (--seccomp diagnose)' : '';
  return { ...common, status: 'ok', detail: `system calls of the VMM can be filtered${diagnosis}` };
}
