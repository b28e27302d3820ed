import { execFile } from 'node:child_process';
import { constants, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseCpuInfo } from './cpu-info.js';
import { deviceAccess } from './device-access.js';
import { hypervisorOf, isContainer } from './host-environment.js';
import { exists, namesIn, textOf } from './host-files.js';
import { kernelLog } from './kernel-log.js';
import type { KvmFacts } from './kvm-facts.js';
import { moduleFile } from './module-file.js';
import { parseProbeRun } from './probe-run.js';

const run = promisify(execFile);
/** The program stops its guest after 3 seconds itself; this is for a kernel that does not let it. */
const PROGRAM_TIMEOUT_MS = 6_000;
const MAX_OUTPUT_BYTES = 4_096;

/** The host to look at. What may be left out is this machine's own; a test gives another's. */
export interface KvmHost {
  /** Where the probe program is; asked only where it could run, and what it throws is the reason for not having run it. */
  readonly findBinary: () => string;
  /** Normally `/dev/kvm`. */
  readonly device: string;
  /** Directory in which `/proc`, `/sys`, `/etc`, `/run`, `/lib/modules` and `/dev/kmsg` are looked for; default `/`. */
  readonly root?: string;
  readonly platform?: string;
  readonly architecture?: string;
  /** Looked for in `/etc/group`. */
  readonly userName?: string;
}

/** Looks at a host and runs the probe program. */
export async function collectKvmFacts(host: KvmHost): Promise<KvmFacts> {
  const { device, root = '/', platform = process.platform, architecture = process.arch } = host;
  const system = { platform, architecture, deviceExists: await exists(device) };
  if (platform !== 'linux') return { ...NOTHING_KNOWN, ...system, ...(await macosFacts(platform)) };
  const cpu = parseCpuInfo(await textOf(root, '/proc/cpuinfo'));
  const names = await machineNames(root);
  const isNamedGuest = architecture === 'arm64' && hypervisorOf(names) !== 'other';
  const first = await runProgram(host);
  const outcome = isPassing(first) ? await runProgram(host) : first;
  const lacksDriver = !system.deviceExists || isUnanswered(outcome);
  return {
    ...system,
    ...(system.deviceExists ? { deviceAccess: await deviceAccess(device, root, host.userName ?? ownName()) } : {}),
    cpu,
    ...(cpu.isGuest || isNamedGuest ? { hypervisor: hypervisorOf(names) } : {}),
    isContainer: await inContainer(root),
    kvmModules: (await namesIn(root, '/sys/module')).filter((name) => name.startsWith('kvm')),
    // Only to tell why there is no driver: these are large files.
    moduleFile: lacksDriver ? await moduleFile(root, cpu.vendor) : 'unknown',
    kernelLog: lacksDriver && cpu.hasVirtualization ? await kernelLog(root) : [],
    clockSource: (await textOf(root, '/sys/devices/system/clocksource/clocksource0/current_clocksource')).trim(),
    ...outcome,
  };
}

/** It may have been the moment: a host without memory to spare for an instant, a signal. What is decided from this lives as long as the process. */
function isPassing({ run: program, runFailure }: Pick<KvmFacts, 'run' | 'runFailure'>): boolean {
  if (program === undefined) return runFailure !== undefined;
  return program.step === 'create_vm' || program.step === 'create_vcpu' || program.step === 'time_limit';
}

/** A device node without a driver behind it. */
function isUnanswered({ run: program }: Pick<KvmFacts, 'run'>): boolean {
  const { EACCES, EPERM } = constants.errno;
  return program?.step === 'open' && program.errno !== EACCES && program.errno !== EPERM;
}

const NOTHING_KNOWN = {
  cpu: { vendor: '', hasVirtualization: false, isGuest: false },
  isContainer: false,
  kvmModules: [],
  moduleFile: 'unknown',
  kernelLog: [],
  clockSource: '',
} as const;

async function macosFacts(platform: string): Promise<Partial<KvmFacts>> {
  if (platform !== 'darwin') return {};
  const [support, isGuest] = await Promise.all([sysctl('kern.hv_support'), sysctl('kern.hv_vmm_present')]);
  return { hypervisorFramework: support === '1', cpu: { ...NOTHING_KNOWN.cpu, isGuest: isGuest === '1' } };
}

async function sysctl(name: string): Promise<string> {
  try {
    return (await run('/usr/sbin/sysctl', ['-n', name], { timeout: PROGRAM_TIMEOUT_MS, env: {} })).stdout.trim();
  } catch {
    // A macOS without the name: then it has not what the name asks for.
    return '';
  }
}

async function machineNames(root: string) {
  const dmi = (name: string) => textOf(root, `/sys/class/dmi/id/${name}`);
  const [sysVendor, productName, assetTag, xenType, kernelVersion] = await Promise.all([
    dmi('sys_vendor'),
    dmi('product_name'),
    dmi('chassis_asset_tag'),
    textOf(root, '/sys/hypervisor/type'),
    textOf(root, '/proc/version'),
  ]);
  return { sysVendor, productName, assetTag, xenType, kernelVersion };
}

async function inContainer(root: string): Promise<boolean> {
  return isContainer({
    dockerenv: await exists(join(root, '/.dockerenv')),
    containerenv: await exists(join(root, '/run/.containerenv')),
    systemdContainer: await textOf(root, '/run/systemd/container'),
    initCgroup: await textOf(root, '/proc/1/cgroup'),
  });
}

/** An account without an entry in the user database has no name, and is in no group by name. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // uv_os_get_passwd fails with ENOENT for such an account.
    return '';
  }
}

async function runProgram({ findBinary, device }: KvmHost): Promise<Pick<KvmFacts, 'run' | 'runFailure'>> {
  try {
    const { stdout } = await run(findBinary(), [device], {
      timeout: PROGRAM_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: {},
    });
    return { run: parseProbeRun(stdout) };
  } catch (thrown) {
    return { runFailure: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
