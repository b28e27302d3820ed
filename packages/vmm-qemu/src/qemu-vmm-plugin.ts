import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, type Plugin, type ProbeResult, type VmmHandler } from '@boxlite/core';
import { chooseProgram, programToAsk, qemuPlace, SMALL_QEMU_PROGRAM } from './host/choose-program.js';
import { QEMU_REMEDY } from './host/find-qemu.js';
import { findQemuFiles } from './host/qemu-files.js';
import { isSupportedQemu, MIN_QEMU_MAJOR, parseQemuVersion } from './host/qemu-version.js';
import { chooseAccelerator } from './machine/accelerator.js';
import { createQemuVmm, type QemuVmmOptions } from './qemu-vmm.js';

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 65_536;

/**
 * {@link createQemuVmm} as a plugin. Its probe finds QEMU, its firmware and its version, and the accelerator; what is missing comes with
 * the package to install.
 */
export function qemuVmmPlugin(options: QemuVmmOptions): Plugin<'vmm', VmmHandler, unknown> {
  return {
    kind: 'vmm',
    id: 'qemu',
    specificationVersion: 'v2',
    probe: () => probeQemu(options),
    create: () => createQemuVmm(options),
  };
}

async function probeQemu(options: QemuVmmOptions): Promise<ProbeResult> {
  try {
    const place = qemuPlace(options);
    const wanted = options.accelerator ?? 'auto';
    const [version, choice] = await Promise.all([
      versionOf(programToAsk(place, wanted)),
      chooseAccelerator(wanted, options.hardware),
    ]);
    const { path: binary } = chooseProgram(place, { accelerator: choice.accelerator, isUnfiltered: false });
    findQemuFiles(binary, choice.accelerator, options.firmwareDirs ?? []);
    if (version === undefined || !isSupportedQemu(version)) {
      const found = version === undefined ? `${binary} does not tell its version` : `${binary} is version ${version}`;
      return { available: false, reason: `${found}, needed is ${MIN_QEMU_MAJOR}.0`, remedy: QEMU_REMEDY };
    }
    const program = basename(binary) === SMALL_QEMU_PROGRAM ? ` (${SMALL_QEMU_PROGRAM})` : '';
    const accelerator = choice.accelerator.toUpperCase();
    return { available: true, detail: `QEMU ${version}${program} with ${accelerator} (${choice.reason})` };
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    return { available: false, reason: thrown.message, remedy: thrown.hint ?? QEMU_REMEDY };
  }
}

async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ['--version'], {
      timeout: VERSION_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: {},
    });
    return parseQemuVersion(stdout);
  } catch {
    // A program that cannot tell its version is not one we can use; the caller says so.
    return undefined;
  }
}
