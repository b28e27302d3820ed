import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parseCpuInfo } from './cpu-info.js';
import type { KvmFacts } from './kvm-facts.js';
import { parseProbeRun } from './probe-run.js';

const run = promisify(execFile);
/** The program stops its guest after 3 seconds itself; this is for a kernel that does not let it. */
const PROGRAM_TIMEOUT_MS = 6_000;
const MAX_OUTPUT_BYTES = 4_096;

/**
 * Looks at this host and runs the probe program.
 * @param findBinary where the probe program is; asked only where it could run, and what it throws is the reason for not having run it
 * @param device normally `/dev/kvm`
 */
export async function collectKvmFacts(findBinary: () => string, device: string): Promise<KvmFacts> {
  const base = {
    platform: process.platform,
    architecture: process.arch,
    deviceExists: await exists(device),
    cpu: parseCpuInfo(await textOf('/proc/cpuinfo')),
    clockSource: (await textOf('/sys/devices/system/clocksource/clocksource0/current_clocksource')).trim(),
    kvmModules: (await namesIn('/sys/module')).filter((name) => name.startsWith('kvm')),
  };
  if (base.platform !== 'linux' || base.architecture !== 'x64') return base;
  try {
    const { stdout } = await run(findBinary(), [device], {
      timeout: PROGRAM_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: {},
    });
    return { ...base, run: parseProbeRun(stdout) };
  } catch (thrown) {
    return { ...base, runFailure: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Absent, or in a directory closed to us; either way it cannot be used.
    return false;
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // No /proc or /sys: then nothing is known of it, and the classification says so.
    return '';
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    // No /sys: no module is known to be loaded.
    return [];
  }
}
