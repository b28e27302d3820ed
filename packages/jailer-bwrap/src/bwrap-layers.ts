import type { JailLayer, SandboxContext } from '@boxlite/core';
import { viewRules } from './view-rules.js';

/** What bubblewrap holds a command with, in words. A pure function. */
export function bwrapLayers(
  context: SandboxContext,
  { disableUserns, tmpSizeBytes }: { readonly disableUserns: boolean; readonly tmpSizeBytes: number },
): readonly JailLayer[] {
  const network = context.networkEnabled ? ['the network is the host\u2019s, as asked'] : ['network'];
  const kinds = ['user', 'pid', 'ipc', 'uts', 'cgroup', 'mount', ...network].join(', ');
  const rules = viewRules(context);
  const granted = rules.filter(({ kind }) => kind === 'grant');
  const writable = granted.filter((rule) => rule.kind === 'grant' && rule.writable).length;
  const devices = rules.filter(({ kind }) => kind === 'device').length;
  return [
    {
      name: 'namespaces',
      state: disableUserns ? 'active' : 'partial',
      detail: disableUserns
        ? kinds
        : `${kinds}; further user namespaces can be made inside: bwrap --disable-userns does not work here`,
    },
    {
      name: 'view',
      state: 'active',
      detail: `${granted.length} paths, ${writable} of them writable; ${devices} devices; /tmp of ${Math.ceil(tmpSizeBytes / 1024 ** 2)} MiB`,
    },
  ];
}
