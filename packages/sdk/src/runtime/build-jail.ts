import { basename, join } from 'node:path';
import {
  BoxliteError,
  type DiskStore,
  type Jail,
  type PathAccess,
  type Sandbox,
  type VmmHandler,
  type VmmHostRequirements,
  type VmmSpec,
} from '@boxlite/core';
import { cachedElfClosure, collectPaths, createJailer, createNoopSandbox, pathRules } from '@boxlite/jailer';
import type { HomeLayout } from '@boxlite/layout';
import { containerIds } from '../init/volume-owner.js';
import type { ResolvedBoxOptions } from '../options/box-options.js';
import { checkBackingFiles } from './check-backing-files.js';
import { checkSnapshotFiles } from './check-snapshot-files.js';
import { machineLimits } from './machine-limits.js';
import { openFileLimit } from './open-file-limit.js';
import type { JailRequest } from './runtime-services.js';

/**
 * Collects what one VMM may see and builds its jail.
 * @param chooseSandbox selects the sandbox of this machine; only called when one is wanted
 * @throws BoxliteError what `chooseSandbox` throws, unless the options permit to run bare; `config_error` for a volume no box may see;
 *   `disk_chain_invalid` for a disk that names a file of the host as its base; `snapshot_invalid` for a snapshot that is not the home's own
 */
export async function buildJail(
  layout: Pick<HomeLayout, 'home' | 'tmpDir' | 'basesDir' | 'diskImagesDir'>,
  chooseSandbox: () => Promise<Sandbox>,
  diskStore: Pick<DiskStore, 'chain'>,
  { box, options, spec, vmm, volumes, containerUser, disk, hostUser }: JailRequest,
): Promise<Jail> {
  const sandbox = await sandboxFor(options.security, chooseSandbox);
  const requirements = await vmm.requirements(spec);
  const libraries = await withLibraries(layout, vmm, spec, requirements);
  const vmmPaths = spec.initrd === undefined ? libraries : [...libraries, { path: spec.initrd, writable: false }];
  const collected = await collectPaths({
    home: layout.home,
    box,
    disks: spec.disks,
    diskStore,
    kernel: spec.kernel,
    ...(spec.from === undefined ? {} : { memory: spec.from.memory }),
    vmmPaths,
    devices: requirements.devices,
    volumes: volumes.filter(({ kind }) => kind === 'directory'),
    stagedShares: stagedShares(spec, box),
    socketLink: { path: box.socketLink, target: box.socketsDir },
  });
  if (spec.from !== undefined) await checkSnapshotFiles(layout, box.id, spec.from);
  await checkBackingFiles(layout, box.id, {
    files: collected.backingFiles,
    identities: collected.backingIdentities ?? new Map(),
    recordedBase: disk?.base,
  });
  const rules = pathRules(collected);
  const [refused] = rules.refusedVolumes;
  if (refused !== undefined) {
    throw new BoxliteError('config_error', `volume ${JSON.stringify(refused)} lies where no box may look`, {
      hint: 'share a directory outside the BoxLite home that holds only what the box needs',
      details: {
        field: `volumes.${volumes.findIndex(({ hostPath }) => hostPath === refused)}.hostPath`,
        path: refused,
      },
    });
  }
  return createJailer({
    id: box.id,
    sandbox,
    paths: rules.paths,
    maskedPaths: rules.masked,
    symlinks: rules.symlinks,
    devices: rules.devices,
    ...(requirements.seccompPolicy === undefined ? {} : { seccompPolicy: requirements.seccompPolicy }),
    ...(requirements.seccompSwitches === undefined ? {} : { seccompSwitches: requirements.seccompSwitches }),
    seccompCache: join(layout.tmpDir, `seccomp-${vmm.id}.json`),
    temporaryDirectory: box.tmpDir,
    ...(hostUser === undefined || isOff(options.security) || !isRoot() ? {} : { hostUser: await hostUser() }),
    ioPaths: [box.dir],
    security: {
      ...options.security,
      ...(volumes.length === 0 ? {} : await servingFiles(options.security, containerUser)),
      ...(isOff(options.security) ? {} : machineLimits(options.security, options, spec, vmm)),
      // Network cards are unix sockets: only a VMM that dials out itself is left in the host's network, and only if the options allow it.
      networkEnabled: requirements.hostNetwork === true && (options.security.networkEnabled ?? true),
    },
  });
}

/** The links of single files lie in the box; read-only ones are shown read-only below the writable `shared/`. */
function stagedShares({ shares }: VmmSpec, { sharedDir }: JailRequest['box']): readonly PathAccess[] {
  return shares
    .filter(({ hostPath }) => hostPath.startsWith(`${sharedDir}/`))
    .map(({ hostPath, readOnly }) => ({ path: hostPath, writable: !readOnly }));
}

/** What a VMM needs to be that serves directories: whose the files are, and how many may be open. */
async function servingFiles({ maxOpenFiles }: ResolvedBoxOptions['security'], containerUser: string) {
  return { ...containerIds(containerUser), maxOpenFiles: maxOpenFiles ?? (await openFileLimit()) };
}

/**
 * The sandbox a jail is made over. Where none is to be had, running bare needs the explicit option: then the jail is given the reason, so that it
 * says what it does without.
 */
async function sandboxFor(security: ResolvedBoxOptions['security'], choose: () => Promise<Sandbox>): Promise<Sandbox> {
  if (isOff(security)) return createNoopSandbox();
  try {
    return await choose();
  } catch (thrown) {
    if (security.jailer !== 'best-effort' || !BoxliteError.isInstance(thrown, 'plugin_none_available')) throw thrown;
    const { message: reason, hint: remedy } = thrown;
    const absent = { available: false, reason, ...(remedy === undefined ? {} : { remedy }) };
    return { ...createNoopSandbox(), isAvailable: async () => absent };
  }
}

const isRoot = () => process.platform === 'linux' && process.geteuid?.() === 0;

const isOff = ({ jailer, jailerEnabled }: ResolvedBoxOptions['security']) =>
  jailer === 'off' || jailerEnabled === false;

/**
 * Adds the libraries of every program and module among the VMM's files. What is copied into the box is looked at where it comes from, so that one
 * result serves every box; the box sees its copy, not the original.
 */
export async function withLibraries(
  layout: Pick<HomeLayout, 'tmpDir'>,
  vmm: Pick<VmmHandler, 'id' | 'command'>,
  spec: VmmSpec,
  { paths, copies = [] }: VmmHostRequirements,
): Promise<readonly PathAccess[]> {
  const { binary } = vmm.command(spec);
  const original = copies.find(({ name }) => join(spec.binDir ?? '', name) === binary)?.from ?? binary;
  const copied = new Set(copies.map(({ from }) => from));
  const modules = [...paths.map(({ path }) => path), ...copied].filter((path) => /\.so(\.|$)/.test(basename(path)));
  const closure = await cachedElfClosure(original, {
    extraLibraries: modules,
    cacheFile: join(layout.tmpDir, `elf-closure-${vmm.id}.json`),
  });
  return [...paths, ...closure.filter(({ path }) => !copied.has(path))];
}
