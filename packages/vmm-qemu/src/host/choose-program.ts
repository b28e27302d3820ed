import { realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import type { Accelerator } from '../machine/accelerator.js';
import { findQemu, isProgram } from './find-qemu.js';
import { linkedLibraries } from './linked-libraries.js';

/**
 * Debian and Ubuntu build a second QEMU that has little beside microvm and KVM, and is linked with 10 libraries instead of 50: binding those is half of what
 * QEMU's own start takes.
 */
export const SMALL_QEMU_PROGRAM = 'qemu-system-x86_64-microvm';
const SANDBOX_LIBRARY = 'libseccomp.so';

/** Where a QEMU is looked for. */
export interface QemuPlace {
  /** Absolute path: this one and no other. */
  readonly binary: string | undefined;
  /** `PATH` */
  readonly searchPath: string;
}

/** The place these options mean. */
export function qemuPlace(options: { readonly binary?: string; readonly searchPath?: string }): QemuPlace {
  return { binary: options.binary, searchPath: options.searchPath ?? process.env.PATH ?? '' };
}

/** What decides which of the QEMUs found there runs a machine. */
export interface ProgramNeeds {
  readonly accelerator: Accelerator;
  /** True: nothing but its own `-sandbox` filters its system calls. */
  readonly isUnfiltered: boolean;
}

/** A QEMU to run. */
export interface QemuProgram {
  /** Absolute, without links. */
  readonly path: string;
  /** False: it refuses `-sandbox`. */
  readonly hasSandbox: boolean;
}

/**
 * The QEMU to run: the small one with KVM where it is of the same build as the one that is found, and can filter its system calls or need not.
 * @throws BoxliteError as {@link findQemu}
 */
export function chooseProgram(place: QemuPlace, { accelerator, isUnfiltered }: ProgramNeeds): QemuProgram {
  const found = findQemu(place.binary, place.searchPath);
  const small = accelerator === 'kvm' && place.binary === undefined ? smallTwin(found) : undefined;
  if (small !== undefined) {
    const hasSandbox = canSandbox(small);
    if (hasSandbox || !isUnfiltered) return { path: small, hasSandbox };
  }
  return { path: found, hasSandbox: canSandbox(found) };
}

/**
 * The program to ask for the version while the accelerator is being decided: a small twin's version is the other's, and told in a fifth of the time.
 * @throws BoxliteError as {@link findQemu}
 */
export function programToAsk(place: QemuPlace, wanted: Accelerator | 'auto'): string {
  const accelerator = wanted === 'auto' ? 'kvm' : wanted;
  return chooseProgram(place, { accelerator, isUnfiltered: false }).path;
}

/**
 * The small QEMU beside another. One package brings both, made at one time by one owner; anything else may be of another version, and asking each for it
 * in each start would cost what the small one saves.
 */
function smallTwin(full: string): string | undefined {
  const beside = join(dirname(full), SMALL_QEMU_PROGRAM);
  if (!isProgram(beside)) return undefined;
  try {
    const small = realpathSync.native(beside);
    const [one, other] = [statSync(full), statSync(small)];
    return one.mtimeMs === other.mtimeMs && one.uid === other.uid ? small : undefined;
  } catch (thrown) {
    // It went meanwhile.
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

/** What {@link canSandbox} has found, by the identity of the file: a start asks several times. */
const sandboxed = new Map<string, boolean>();

/** What says nothing of its libraries is taken for a QEMU as most are. */
function canSandbox(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  const identity = `${path} ${stats?.dev} ${stats?.ino} ${stats?.size} ${stats?.mtimeMs}`;
  const known = sandboxed.get(identity);
  if (known !== undefined) return known;
  const found = linkedLibraries(path)?.some((name) => name.startsWith(SANDBOX_LIBRARY)) ?? true;
  sandboxed.set(identity, found);
  return found;
}
