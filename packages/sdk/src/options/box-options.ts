import { isAbsolute, posix } from 'node:path';
import * as z from 'zod';
import { isKernelSourceId } from '../kernel/kernel-file-choice.js';
import { boxName } from './box-name.js';
import { parseOptions } from './parse-options.js';
import { securitySchema } from './security-schema.js';
import { wholeNumber } from './whole-number.js';

/** Guest memory without `memoryMib`, in MiB. */
export const DEFAULT_MEMORY_MIB = 512;
/** Virtual CPUs without `cpus`. */
export const DEFAULT_CPUS = 1;
/** Size of the container disk without `diskSizeGb`, in GiB; sparse, so it costs what is written. */
export const DEFAULT_DISK_SIZE_GB = 10;

const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL');
const nonEmpty = text.refine((value) => value.length > 0, 'must not be empty');

/** Two volumes at one place: which one would be seen is nothing to guess. */
function refuseSamePlace(volumes: readonly { readonly guestPath: string }[], context: z.RefinementCtx): void {
  for (const [index, { guestPath }] of volumes.entries()) {
    if (volumes.findIndex((other) => other.guestPath === guestPath) === index) continue;
    context.addIssue({ code: 'custom', path: [index, 'guestPath'], message: 'is the place of another volume already' });
  }
}

const absoluteGuestPath = nonEmpty.refine((path) => path.startsWith('/'), 'must be an absolute path');

/** File systems of the guest's kernel, which no volume may cover or lie in. */
const KERNEL_PLACES = /^\/(proc|sys)(\/|$)/;

const volumeGuestPath = absoluteGuestPath
  .refine((path) => Buffer.byteLength(path) <= 4095, 'must have at most 4095 bytes')
  .refine(
    (path) => path !== '/' && posix.normalize(path) === path && !path.endsWith('/'),
    'must be a normal path below /, without ".", "..", "//" or a slash at the end',
  )
  .refine((path) => !KERNEL_PLACES.test(path), 'must not lie in /proc or /sys');

/** The id of a kernel source, or a file. */
const kernelChoice = text
  .max(4095)
  .refine(
    (choice) => isKernelSourceId(choice) || isAbsolute(choice),
    "must be the id of a kernel source ('boxlite', 'libkrunfw') or the absolute path of a kernel",
  );

const volumeSchema = z.strictObject({
  hostPath: nonEmpty,
  guestPath: volumeGuestPath,
  readOnly: z.boolean().default(false),
});

export const boxOptionsSchema = z.strictObject({
  image: nonEmpty.max(4096).optional(),
  pull: z.enum(['missing', 'always', 'never'], "must be 'missing', 'always' or 'never'").default('missing'),
  name: boxName.optional(),
  cpus: wholeNumber(1, 255, '').default(DEFAULT_CPUS),
  memoryMib: wholeNumber(1, 1_048_576, ' MiB').default(DEFAULT_MEMORY_MIB),
  diskSizeGb: wholeNumber(1, 65_536, ' GiB').default(DEFAULT_DISK_SIZE_GB),
  env: z.record(z.string().regex(/^[^=\0]+$/, 'must be a name without "="'), text).default({}),
  workingDir: absoluteGuestPath.optional(),
  user: text.max(256).optional(),
  hostname: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/, 'must be a host name of at most 63 characters')
    .optional(),
  entrypoint: z.array(text).optional(),
  cmd: z.array(text).optional(),
  detach: z.boolean().default(false),
  autoRemove: z.boolean().default(false),
  autoPauseMs: wholeNumber(0, 2_147_483_647, ' ms').default(0),
  privileged: z.boolean().default(false),
  vmm: nonEmpty.optional(),
  sandbox: nonEmpty.optional(),
  kernel: kernelChoice.optional(),
  template: z.boolean().default(true),
  volumes: z.array(volumeSchema).max(16).superRefine(refuseSamePlace).default([]),
  security: securitySchema.default({}),
});

/**
 * What a box is made of. Every field is optional.
 * - `image`: reference, `oci:DIR` or `oci-archive:FILE`; default: the bundled starter image (busybox), which needs no network
 * - `pull`: at the first start, `missing` uses the image that is here, `always` asks its registry again, `never` does without a network
 * - `name`: unique in the home, usable wherever an id is
 * - `cpus`, `memoryMib` (MiB), `diskSizeGb` (GiB, sparse): the size of the machine
 * - `env`, `workingDir`, `user`, `hostname`, `entrypoint`, `cmd`: override what the image says
 * - `detach`: the box outlives this process (default false: it is stopped within two seconds of this process's death)
 * - `autoRemove`: the box is removed when it is stopped
 * - `autoPauseMs`: milliseconds without a call and without a command that runs after which the box is paused; the next call lets it go on. 0, the
 *   default, never. It is a process with a connection to the box that watches: while there is none, nothing is paused. Commands one has detached from,
 *   or that were left in the background, count as none
 * - `privileged`: what runs in the box may do whatever its machine can: mount, load BPF, use all its devices, run containers of its own; nothing
 *   changes on the host, where the jail is around the machine
 * - `vmm`, `sandbox`: plugin ids; default: the best that is available (`vmm`: first what the variable `BOXLITE_VMM` names; `sandbox`: with Landlock
 *   inside it where the kernel has that). A sandbox may be several, outermost first: `bwrap+landlock`
 * - `template`: the machine goes on from a template of its shape where the home has one, instead of booting (default true); boxes with volumes boot
 * - `kernel`: id of a kernel source (`boxlite`: BoxLite's own, `libkrunfw`), or the absolute path of a `vmlinux` with a PVH note; default: what the variable
 *   `BOXLITE_KERNEL` names, else BoxLite's own where it is to be had. Each start boots what the source or the file is then; a file that is gone by then is
 *   what it was at the start before. A VMM that names its kernel source boots that one's
 * - `volumes`: host directories, or single files, shared with the guest
 * - `security`: the jail (`jailer`: 'required', 'best-effort' or 'off'), its layers and limits; a partial object is never weaker than the default
 */
export type BoxOptions = z.input<typeof boxOptionsSchema>;
/** {@link BoxOptions} with its defaults filled in. */
export type ResolvedBoxOptions = z.output<typeof boxOptionsSchema>;

/** @throws BoxliteError `invalid_argument` naming the field */
export function parseBoxOptions(options: unknown): ResolvedBoxOptions {
  return parseOptions(boxOptionsSchema, options, 'box options');
}
