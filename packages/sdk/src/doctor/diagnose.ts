import { readFile, statfs } from 'node:fs/promises';
import { BoxliteError, type KernelSource, type PluginKind, type PluginRegistry } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { defaultRegistry } from '../registry/default-registry.js';
import { createHardwareProbe } from '../registry/hardware-probe.js';

/** One thing that was looked at. `failed` means boxes cannot run here until it is mended. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly remedy?: string;
}

/** Free bytes below which starting a box is likely to fail. */
const LOW_SPACE_BYTES = 1024 ** 3;

/**
 * Looks at everything a box needs on this machine.
 * @param options.homeDir absolute; default as for `Boxlite.open`
 */
export async function diagnose(
  options: { readonly homeDir?: string; readonly registry?: PluginRegistry } = {},
): Promise<readonly Check[]> {
  const registry = options.registry ?? defaultRegistry();
  const groups = await Promise.all([
    platform(),
    home(options.homeDir),
    kvm(),
    plugins(registry, 'vmm'),
    plugins(registry, 'sandbox'),
    kernel(options.homeDir),
    cgroups(),
  ]);
  return groups.flat();
}

async function platform(): Promise<Check[]> {
  const detail = `${process.platform} ${process.arch}, Node.js ${process.versions.node}, uid ${process.getuid?.() ?? '-'}`;
  const supported = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
  if (supported) return [{ name: 'platform', status: 'ok', detail }];
  return [{ name: 'platform', status: 'failed', detail, remedy: 'use Linux on x86-64 or arm64' }];
}

async function home(homeDir: string | undefined): Promise<Check[]> {
  try {
    const layout = createHomeLayout(homeDir);
    await layout.prepare();
    const { bavail, bsize } = await statfs(layout.home);
    const free = bavail * bsize;
    const detail = `${layout.home}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
    if (free >= LOW_SPACE_BYTES) return [{ name: 'home', status: 'ok', detail }];
    return [
      { name: 'home', status: 'warning', detail, remedy: 'free space, or set BOXLITE_HOME to another file system' },
    ];
  } catch (thrown) {
    return [failedCheck('home', thrown)];
  }
}

async function kvm(): Promise<Check[]> {
  const status = await createHardwareProbe().kvm();
  if (status.state === 'usable') return [{ name: 'kvm', status: 'ok', detail: `usable, API ${status.apiVersion}` }];
  return [
    {
      name: 'kvm',
      status: 'warning',
      detail: `${status.state}: ${status.reason}; boxes run by software emulation`,
      remedy: status.remedy,
    },
  ];
}

async function plugins(registry: PluginRegistry, kind: PluginKind): Promise<Check[]> {
  const probed = await registry.probeAll(kind);
  const available = probed.some(({ result }) => result.available);
  return probed.map(({ plugin, result }) => {
    const name = `${kind} ${plugin.id}`;
    if (result.available) return { name, status: 'ok', detail: result.detail ?? 'available' };
    return { name, status: available ? 'warning' : 'failed', detail: result.reason, remedy: result.remedy };
  });
}

async function kernel(homeDir: string | undefined): Promise<Check[]> {
  try {
    const { createLibkrunfwKernelSource } = await import('@boxlite/guest-kernel');
    const source: KernelSource = createLibkrunfwKernelSource({ home: createHomeLayout(homeDir).home });
    const { version, origin } = await source.kernel();
    return [{ name: 'guest kernel', status: 'ok', detail: `Linux ${version} from ${origin}` }];
  } catch (thrown) {
    return [failedCheck('guest kernel', thrown)];
  }
}

async function cgroups(): Promise<Check[]> {
  if (process.platform !== 'linux') return [];
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const v2 = / - cgroup2 /.test(mounts);
  const v1 = / - cgroup /.test(mounts);
  if (v2 && !v1) return [{ name: 'cgroups', status: 'ok', detail: 'version 2' }];
  return [
    {
      name: 'cgroups',
      status: 'warning',
      detail: v2 ? 'hybrid: version 1 with an empty version 2' : 'no version 2',
      remedy: 'boxes run without memory and process limits of their own; boot with systemd.unified_cgroup_hierarchy=1',
    },
  ];
}

function failedCheck(name: string, thrown: unknown): Check {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const hint = BoxliteError.isInstance(thrown) ? thrown.hint : undefined;
  return { name, status: 'failed', detail: message, ...(hint === undefined ? {} : { remedy: hint }) };
}
