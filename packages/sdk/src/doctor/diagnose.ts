import { readFile } from 'node:fs/promises';
import { errnoOf, type PluginRegistry } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { defaultRegistry } from '../registry/default-registry.js';
import { defaultVmm } from '../registry/default-vmm.js';
import { createHardwareProbe } from '../registry/hardware-probe.js';
import { cgroupCheck, tryCgroup } from './cgroup-check.js';
import { type Check, checkOfError, type Diagnosis } from './check.js';
import { homeChecks } from './home-checks.js';
import { kernelCheck } from './kernel-check.js';
import { kvmCheck } from './kvm-check.js';
import { libkrunCheck } from './libkrun-check.js';
import { platformCheck } from './platform-check.js';
import { pluginChecks } from './plugin-checks.js';
import { programsCheck } from './programs-check.js';
import { seccompCheck } from './seccomp-check.js';
import { apparmorCheck, userNamespaceCheck } from './user-namespace-checks.js';
import { collectUserNamespaceFacts } from './user-namespace-facts.js';

/** Id of the plugin in {@link defaultRegistry}. */
const OWN_KERNEL_SOURCE = 'libkrunfw';

/** Settings of {@link diagnose}. */
export interface DiagnoseOptions {
  /** Absolute; default as for `Boxlite.open`. */
  readonly homeDir?: string;
  /** The plugins to probe; default {@link defaultRegistry}. */
  readonly registry?: PluginRegistry;
}

/**
 * Looks at everything a box needs on this machine: platform, native programs, home and its space, KVM, user namespaces, AppArmor, control groups,
 * filters of system calls, the guest kernel, libkrun, and each plugin. Makes the home if there is none, and leaves nothing else behind. Never throws for what it finds: that is a
 * check.
 * @example
 * ```ts
 * const { healthy, checks } = await diagnose();
 * for (const { id, status, detail, remedy } of checks) console.log(status, id, detail, remedy ?? '');
 * process.exitCode = healthy ? 0 : 1;
 * ```
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const registry = options.registry ?? defaultRegistry({ homeDir: options.homeDir });
  // Before the others: the kernel is cached in the home.
  const home = await homeChecks(options.homeDir);
  const checks = [
    platform(),
    await programs(),
    ...home,
    kvmCheck(await createHardwareProbe().kvm()),
    ...(await userNamespaces()),
    ...(await cgroups()),
    ...(await seccomp()),
    ...(await kernel(registry, options.homeDir, home)),
    await libkrunCheck(async () => (await import('@boxlite/vmm-libkrun')).findLibkrun()),
    ...(await pluginChecks(registry, defaultVmm(process.env))),
  ];
  return { version: 1, healthy: checks.every(({ status }) => status !== 'failed'), checks: checks.map(inOrder) };
}

/** Members in the order in which a person reads them in JSON. */
function inOrder({ id, status, detail, remedy, facts }: Check): Check {
  return { id, status, detail, ...(remedy === undefined ? {} : { remedy }), facts };
}

function platform(): Check {
  const { platform: name, arch: architecture, versions } = process;
  return platformCheck({ platform: name, architecture, node: versions.node, uid: process.geteuid?.() });
}

async function programs(): Promise<Check> {
  const [supervisor, jailer, agent, { nativeBinary }] = await Promise.all([
    import('@boxlite/supervisor'),
    import('@boxlite/jailer'),
    import('@boxlite/guest-agent'),
    import('@boxlite/platform'),
  ]);
  const ofLinux = {
    'boxlite-hand-over': () => nativeBinary('boxlite-hand-over'),
    'boxlite-landlock': () => nativeBinary('boxlite-landlock'),
    'boxlite-stage-b': jailer.defaultStageBPath,
  };
  return programsCheck({
    'boxlite-supervisor': supervisor.supervisorBinaryPath,
    ...(process.platform === 'linux' ? ofLinux : {}),
    'boxlite-guest': agent.agentBinaryPath,
  });
}

async function userNamespaces(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') return [];
  const facts = await collectUserNamespaceFacts({
    searchPath: process.env.PATH ?? '',
    uid: process.geteuid?.() ?? 0,
  });
  return [userNamespaceCheck(facts), apparmorCheck(facts)];
}

async function cgroups(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') return [];
  try {
    const { cgroupHierarchy, createCgroupV2Controller } = await import('@boxlite/jailer');
    const hierarchy = cgroupHierarchy(await readFile('/proc/self/mountinfo', 'utf8'));
    return [cgroupCheck({ hierarchy, outcome: await tryCgroup(createCgroupV2Controller()) })];
  } catch (thrown) {
    return [checkOfError('cgroups', 'warning', thrown)];
  }
}

async function seccomp(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') return [];
  try {
    return [seccompCheck({ actions: await readFile('/proc/sys/kernel/seccomp/actions_avail', 'utf8') })];
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') return [checkOfError('seccomp', 'warning', thrown)];
    return [seccompCheck({ actions: undefined })];
  }
}

/** The kernel this SDK finds itself; one of another source is known to that source alone. */
async function kernel(
  registry: PluginRegistry,
  homeDir: string | undefined,
  home: readonly Check[],
): Promise<readonly Check[]> {
  const sources = registry.list('kernel-source').map(({ id }) => id);
  if (!sources.includes(OWN_KERNEL_SOURCE)) return [];
  if (home.some(({ id, status }) => id === 'home' && status === 'failed')) return [KERNEL_WITHOUT_HOME];
  const { createLibkrunfwKernelSource } = await import('@boxlite/guest-kernel');
  const find = () => createLibkrunfwKernelSource({ home: createHomeLayout(homeDir).home }).kernel();
  return [await kernelCheck(find, sources.length > 1 ? 'warning' : 'failed')];
}

const KERNEL_WITHOUT_HOME: Check = {
  id: 'guest-kernel',
  status: 'warning',
  detail: 'not looked for: there is no home to keep it in',
  remedy: 'mend the home first',
  facts: {},
};
