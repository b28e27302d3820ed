import { availableParallelism } from 'node:os';
import { type BaseDiskId, BoxliteError, type BoxRecord } from '@boxlite/core';
import { createBoxId } from '@boxlite/layout';
import type { Box } from '../box/box.js';
import { boxInfo } from '../box/box-info.js';
import { startBox } from '../box/start-box.js';
import { withBoxLease } from '../box/with-box-lease.js';
import { containerDiskPath } from '../init/container-disk.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { afterRestore, type RestoredBox } from './hooks.js';
import type { ResumeFrom } from './resume-from.js';
import { rootfsBaseOf } from './rootfs-base.js';

/** What new boxes go on from, and what they are called. */
export interface ChildPlan {
  readonly parent: BoxRecord;
  /** One for each box; undefined for one without a name. */
  readonly names: readonly (string | undefined)[];
  readonly detach: boolean;
  readonly autoRemove: boolean;
  /** The disk each gets a child of, and every base disk below it. The caller keeps it from collection. */
  readonly base: {
    readonly path: string;
    readonly format: 'raw' | 'qcow2';
    readonly store: string;
    readonly chain: readonly BaseDiskId[];
  };
  readonly resume: Omit<ResumeFrom, 'renewedEnv'>;
  readonly about: RestoredBox;
  readonly signal: AbortSignal | undefined;
}

/** Restores take a processor each, and wait for little. */
const MAX_AT_ONCE = Math.min(8, 2 * availableParallelism());

/**
 * Makes boxes that go on from a capture, several at a time. All of them or none: until the last one runs they are recorded as nobody's yet, so that they
 * are removed when one fails, and also when this process dies.
 * @throws BoxliteError what the first failure was, naming the child
 */
export async function makeChildren(services: RuntimeServices, plan: ChildPlan): Promise<readonly Box[]> {
  const failed = new AbortController();
  const signal = plan.signal === undefined ? failed.signal : AbortSignal.any([plan.signal, failed.signal]);
  const made: (Box | undefined)[] = plan.names.map(() => undefined);
  const failures: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < plan.names.length && !signal.aborted) {
      const index = next++;
      try {
        await makeChild(services, { ...plan, signal }, index, (box) => {
          made[index] = box;
        });
      } catch (thrown) {
        failures.push(childError(plan, index, thrown));
        failed.abort(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_AT_ONCE, plan.names.length) }, work));
  const boxes = made.filter((box) => box !== undefined);
  if (failures.length === 0 && boxes.length === plan.names.length) {
    try {
      for (const box of boxes) await services.newBoxes.handOut(box);
      return boxes;
    } catch (thrown) {
      // Such as one that somebody has removed meanwhile.
      failures.push(thrown);
    }
  }
  await removeAll(services, boxes);
  throw (
    failures[0] ??
    new BoxliteError('aborted', `making boxes from ${label(plan.parent)} was aborted`, { cause: plan.signal?.reason })
  );
}

async function makeChild(
  services: RuntimeServices,
  plan: ChildPlan,
  index: number,
  recorded: (box: Box) => void,
): Promise<void> {
  const { base, resume, signal, about } = plan;
  const { store } = services;
  const record = childRecord(plan, plan.names[index]);
  const { id } = record.config;
  const child = services.layout.box(id);
  await withBoxLease(services, id, 'start', signal, async () => {
    const box = await services.newBoxes.claim(record);
    recorded(box);
    // Referred to before anything stands on them.
    for (const baseId of base.chain) await store.baseDisks.addReference(baseId, id);
    await store.baseDisks.addReference(rootfsBaseOf(resume.guestRootfs), id);
    await child.prepare();
    await (await services.disks(base.store)).createChild(containerDiskPath(base.format, child), base);
    const renewedEnv = () => afterRestore(services.hooks, boxInfo(record, child.dir), about);
    const started = await startBox(services, record, child, { signal }, { ...resume, renewedEnv });
    box.adoptStarted(started);
  });
}

/** As its parent is, but for its name; with the disk it is about to get. */
function childRecord({ parent, detach, autoRemove, base, about }: ChildPlan, name: string | undefined): BoxRecord {
  const { name: _name, ...options } = parent.config.options;
  const { image, kernel } = parent.state;
  const now = Date.now();
  return {
    config: {
      id: createBoxId(),
      createdAt: now,
      options: { ...options, detach, autoRemove, ...(name === undefined ? {} : { name }) },
      ...(name === undefined ? {} : { name }),
      ...(parent.config.pluginOrigins === undefined ? {} : { pluginOrigins: parent.config.pluginOrigins }),
      parent: { boxId: parent.config.id, ...(about.snapshot === null ? {} : { snapshot: about.snapshot }) },
    },
    state: {
      status: 'configured',
      ...(image === undefined ? {} : { image }),
      ...(kernel === undefined ? {} : { kernel }),
      // A raw disk stands alone.
      disk: { store: base.store, format: base.format, ...(base.format === 'raw' ? {} : { base: base.path }) },
      pooled: true,
      updatedAt: now,
    },
  };
}

async function removeAll(services: RuntimeServices, boxes: readonly Box[]): Promise<void> {
  const results = await Promise.allSettled(boxes.map((box) => box.remove(true)));
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    // Recorded as nobody's: the next one to open this home removes it.
    const message = `box ${boxes[index]?.id}, in the making, could not be removed`;
    services.log({ level: 'warn', message, cause: result.reason });
  }
}

function childError({ parent, names, about }: ChildPlan, index: number, thrown: unknown): unknown {
  if (!BoxliteError.isInstance(thrown)) return thrown;
  // That of the failure itself: where the files of a failed start are kept is no help here, they are gone.
  const { hint } =
    BoxliteError.isInstance(thrown.cause) && thrown.details.directory !== undefined ? thrown.cause : thrown;
  const which = names[index] ?? `${index + 1} of ${names.length}`;
  const what =
    about.reason === 'fork'
      ? `fork ${which} of box ${label(parent)}`
      : `a box from snapshot ${about.snapshot} of box ${label(parent)}`;
  return new BoxliteError(thrown.code, `${what}: ${thrown.message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: thrown,
    details: { ...thrown.details, child: names[index] ?? index },
  });
}

const label = ({ config }: BoxRecord): string => config.name ?? config.id;
