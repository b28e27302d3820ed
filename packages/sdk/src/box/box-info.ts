import type { BoxRecord, BoxStatus, JailLayer, KernelRecord, StartOrigin, TemplateKind } from '@boxlite/core';
import { parseBoxOptions } from '../options/box-options.js';
import { STARTER_IMAGE } from '../options/starter-image.js';

/** What a person or program is told about a box. */
export interface BoxInfo {
  readonly id: string;
  readonly name: string | null;
  readonly status: BoxStatus;
  readonly running: boolean;
  /** Host pid of the VMM while it runs. */
  readonly pid: number | null;
  readonly image: string;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly detached: boolean;
  /** It waits in a pool and is nobody's yet. */
  readonly pooled: boolean;
  /** The box it went on from, as a fork or from a snapshot; that one may be gone by now. */
  readonly parent: { readonly boxId: string; readonly snapshot: string | null } | null;
  readonly vmm: string | null;
  /** How the machine of the last start came to be: 'cold' for one that booted. Null when it never was started. */
  readonly startedFrom: StartOrigin | null;
  /** Key of the template it went on from. */
  readonly template: string | null;
  /** What that template was made for: boxes of its shape, or of its image in that shape. */
  readonly templateKind: TemplateKind | null;
  /** What the last start booted; of a box that was not started yet, the file it was given. */
  readonly kernel: KernelRecord | null;
  /** What confines the VMM, or confined it when it was last started; null when it never was. */
  readonly jail: BoxJailInfo | null;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly startedAt: string | null;
  /** Of the main command, when the box has run one to its end. */
  readonly exitCode: number | null;
  /** Why the box is `failed`. */
  readonly errorReason: string | null;
  /** Directory of the box's files. */
  readonly directory: string;
}

/** The jail of a box: `current` while the box runs in it; afterwards it is that of the last start. */
export interface BoxJailInfo {
  /** The sandbox, or `none`. */
  readonly sandbox: string;
  readonly current: boolean;
  /** Empty for a box whose jailer is off. */
  readonly layers: readonly JailLayer[];
}

/** @param directory of the box, from the home's layout */
export function boxInfo({ config, state }: BoxRecord, directory: string): BoxInfo {
  const options = parseBoxOptions(config.options);
  const running = state.status === 'running' || state.status === 'paused';
  return {
    id: config.id,
    name: config.name ?? null,
    status: state.status,
    running,
    pid: running ? (state.vmm?.pid ?? null) : null,
    image: options.image ?? STARTER_IMAGE,
    cpus: options.cpus,
    memoryMib: options.memoryMib,
    detached: options.detach,
    pooled: state.pooled === true,
    parent:
      config.parent === undefined ? null : { boxId: config.parent.boxId, snapshot: config.parent.snapshot ?? null },
    vmm: state.vmmId ?? null,
    startedFrom: state.startedFrom ?? null,
    template: state.template ?? null,
    templateKind: state.template === undefined ? null : (state.templateKind ?? 'shape'),
    kernel: state.kernel ?? null,
    jail: state.jail === undefined ? null : { sandbox: state.jail.name, current: running, layers: state.jail.layers },
    createdAt: new Date(config.createdAt).toISOString(),
    startedAt: state.startedAt === undefined ? null : new Date(state.startedAt).toISOString(),
    exitCode: state.exitCode ?? null,
    errorReason: state.errorReason ?? null,
    directory,
  };
}
