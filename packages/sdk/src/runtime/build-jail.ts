import { basename, join } from 'node:path';
import type { DiskStore, Jail, PathAccess, Sandbox } from '@boxlite/core';
import { cachedElfClosure, collectPaths, createJailer, pathRules } from '@boxlite/jailer';
import type { HomeLayout } from '@boxlite/layout';
import type { JailRequest } from './runtime-services.js';

const BYTES_PER_GIB = 1024 ** 3;
/** A qcow2 that is as full as it can be holds its tables too; twice the disk is BoxLite's backstop. */
const FILE_SIZE_PER_DISK_SIZE = 2;

/** Collects what one VMM may see and builds its jail. */
export async function buildJail(
  layout: HomeLayout,
  sandbox: Sandbox,
  diskStore: DiskStore,
  { box, options, spec, vmm, volumes }: JailRequest,
): Promise<Jail> {
  const requirements = await vmm.requirements(spec);
  const { binary } = vmm.command(spec);
  const vmmPaths = await withLibraries(layout, vmm.id, binary, requirements.paths);
  const rules = pathRules(
    await collectPaths({
      home: layout.home,
      box,
      disks: spec.disks,
      diskStore,
      kernel: spec.kernel,
      vmmPaths,
      devices: requirements.devices,
      volumes,
      socketLink: { path: box.socketLink, target: box.socketsDir },
    }),
  );
  return createJailer({
    id: box.id,
    sandbox,
    paths: rules.paths,
    maskedPaths: rules.masked,
    symlinks: rules.symlinks,
    devices: rules.devices,
    security: {
      ...options.security,
      maxFileSize: options.security.maxFileSize ?? options.diskSizeGb * FILE_SIZE_PER_DISK_SIZE * BYTES_PER_GIB,
      // A machine without a network card needs no network, whatever the options allow.
      networkEnabled: spec.nics.length > 0 && (options.security.networkEnabled ?? true),
    },
  });
}

/** Adds the libraries of every program and module among the VMM's files. */
async function withLibraries(
  layout: HomeLayout,
  vmmId: string,
  binary: string,
  paths: readonly PathAccess[],
): Promise<readonly PathAccess[]> {
  const modules = paths.map(({ path }) => path).filter((path) => /\.so(\.|$)/.test(basename(path)));
  const closure = await cachedElfClosure(binary, {
    extraLibraries: modules,
    cacheFile: join(layout.tmpDir, `elf-closure-${vmmId}.json`),
  });
  return [...paths, ...closure];
}
