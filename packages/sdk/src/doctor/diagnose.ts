import { readFile } from 'node:fs/promises';
import { errnoOf, type PluginRegistry } from '@boxlite/core';
import { createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { defaultKernel } from '../kernel/default-kernel.js';
import { kernelFileOf } from '../kernel/kernel-file-choice.js';
import { kernelService } from '../kernel/kernel-service.js';
import { defaultRegistry } from '../registry/default-registry.js';
import { defaultVmm, VMM_VARIABLE } from '../registry/default-vmm.js';
import { createHardwareProbe } from '../registry/hardware-probe.js';
import { pluginChooser } from '../registry/plugin-chooser.js';
import type { PluginContext } from '../registry/plugin-context.js';
import { silentLog } from '../runtime/log.js';
import { cgroupCheck, tryCgroup } from './cgroup-check.js';
import { type Check, checkOfError, type Diagnosis } from './check.js';
import { homeChecks } from './home-checks.js';
import { kernelCheck } from './kernel-check.js';
import { kvmCheck } from './kvm-check.js';
import { libkrunCheck } from './libkrun-check.js';
import { platformCheck } from './platform-check.js';
import { type NamedPlugins, pluginChecks } from './plugin-checks.js';
import { programsCheck } from './programs-check.js';
import { seccompCheck } from './seccomp-check.js';
import { apparmorCheck, userNamespaceCheck } from './user-namespace-checks.js';
import { collectUserNamespaceFacts } from './user-namespace-facts.js';

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
  const environment = process.env;
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
    ...(await kernel(registry, options.homeDir, home, environment)),
    await libkrunCheck(async () => (await import('@boxlite/vmm-libkrun')).findLibkrun()),
    ...(await pluginChecks(registry, namedPlugins(environment))),
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

/** What a box boots that names no kernel. */
async function kernel(
  registry: PluginRegistry,
  homeDir: string | undefined,
  home: readonly Check[],
  environment: Environment,
): Promise<readonly Check[]> {
  if (registry.list('kernel-source').length === 0 && defaultKernel(environment) === undefined) return [];
  if (home.some(({ id, status }) => id === 'home' && status === 'failed')) return [KERNEL_WITHOUT_HOME];
  const layout = createHomeLayout(homeDir);
  const { choose } = pluginChooser(registry, doctorContext(layout));
  const find = kernelService({ registry, plugins: { choose }, home: layout.home, log: silentLog, environment });
  return [await kernelCheck(find)];
}

/** Kernel sources keep files in the home, and need nothing else of a runtime. */
function doctorContext(layout: HomeLayout): PluginContext {
  const store = new Proxy({} as PluginContext['store'], {
    get: (_target, member) => {
      throw new TypeError(`a kernel source asked for the ${String(member)} of a home that is only looked at`);
    },
  });
  return { layout, store, hardware: createHardwareProbe(), registries: [] };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What variables choose where a box does not: then no other is chosen by default. */
function namedPlugins(environment: Environment): NamedPlugins {
  const vmm = defaultVmm(environment);
  const kernelChoice = defaultKernel(environment);
  const isSource = kernelChoice !== undefined && kernelFileOf(kernelChoice.choice) === undefined;
  return {
    ...(vmm === undefined ? {} : { vmm: { id: vmm, variable: VMM_VARIABLE } }),
    ...(isSource ? { 'kernel-source': { id: kernelChoice.choice, variable: kernelChoice.variable } } : {}),
  };
}

const KERNEL_WITHOUT_HOME: Check = {
  id: 'guest-kernel',
  status: 'warning',
  detail: 'not looked for: there is no home to keep it in',
  remedy: 'mend the home first',
  facts: {},
};
