import { rm, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import { BoxliteError, type TemplateKind, type VmmSpec } from '@boxlite/core';
import { spawnMachine } from '../init/spawn-machine.js';
import { required, type StartContext } from '../init/start-context.js';
import { placeDisk, renewDisk } from './template-disk.js';
import { imageDiskIdentity, imageTemplateKey } from './template-image.js';
import { type TemplateParts, templateKey, templateParts } from './template-key.js';
import type { HeldTemplate } from './template-store.js';

/** Errors that say something about the host at this moment, and nothing about a template. */
const OF_THE_HOST = ['disk_full', 'storage_error', 'resource_exhausted', 'permission_denied'] as const;

/**
 * Starts the machine of a box: from a template of its image where there is one for it, else from one of its shape, else cold. A template that cannot be
 * used is a warning, and the next best start in the same call.
 * @throws BoxliteError what a cold start throws
 */
export async function startMachine(context: StartContext, machine: VmmSpec): Promise<void> {
  context.machine = machine;
  for (const kind of ['image', 'shape'] as const) {
    const template = await templateFor(context, machine, kind);
    if (template !== undefined && (await goOnFrom(context, machine, template))) return;
  }
  await startCold(context, machine);
}

/**
 * Boots a box whose start from a template came to nothing after all.
 * @param cause why
 */
export async function startColdInstead(context: StartContext, cause: unknown): Promise<void> {
  const { template, templateKind } = context;
  if (template === undefined) throw cause;
  await context.undoSpawn?.();
  await putAside(context, template, cause);
  if (templateKind === 'image') await ownDisk(context);
  await startCold(context, required(context, 'machine'));
}

/** @returns false when this template is of no use */
async function goOnFrom(context: StartContext, machine: VmmSpec, template: HeldTemplate): Promise<boolean> {
  const { layout } = context.services;
  const { path, format } = required(context, 'disk');
  try {
    const durable =
      template.disk === undefined ? undefined : await placeDisk({ from: template.disk, format }, path, layout.tmpDir);
    const results = await Promise.allSettled([
      spawnMachine(context, { ...machine, from: template.files }),
      durable?.() ?? Promise.resolve(),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    context.startedFrom = 'template';
    context.template = template.key;
    context.templateKind = template.disk === undefined ? 'shape' : 'image';
    return true;
  } catch (thrown) {
    if (context.signal?.aborted === true) throw thrown;
    await context.undoSpawn?.();
    await putAside(context, template.key, thrown);
    if (template.disk !== undefined) await ownDisk(context);
    return false;
  } finally {
    await template.release();
  }
}

/** In the place of a template's, which its machine may have written to. */
async function ownDisk(context: StartContext): Promise<void> {
  const { path, store } = required(context, 'disk');
  await renewDisk(await context.services.disks(store), path, required(context, 'newDisk'));
}

async function startCold(context: StartContext, machine: VmmSpec): Promise<void> {
  delete context.template;
  delete context.templateKind;
  context.startedFrom = 'cold';
  await spawnMachine(context, machine);
}

/** What a template of this machine is made of; undefined where there can be none. */
export async function partsOf(context: StartContext, machine: VmmSpec): Promise<TemplateParts | undefined> {
  const vmm = required(context, 'vmm');
  if (vmm.restore === undefined || vmm.snapshotKey === undefined) return undefined;
  const vmmKey = await vmm.snapshotKey(machine);
  context.snapshotKey = vmmKey;
  return templateParts(machine, {
    vmm: vmm.id,
    vmmKey,
    kernel: required(context, 'kernel').digest,
    guestRootfs: basename(required(context, 'guestRootfsPath')),
  });
}

/** The key of the template of one kind; undefined where there can be none. */
async function keyFor(context: StartContext, machine: VmmSpec, kind: TemplateKind): Promise<string | undefined> {
  if (kind === 'image') {
    context.imageTemplate = await imageTemplateOf(context, machine);
    return context.imageTemplate?.key;
  }
  return shapeKey(context, machine);
}

async function shapeKey(context: StartContext, machine: VmmSpec): Promise<string | undefined> {
  if (context.templateKey !== undefined) return context.templateKey;
  const parts = await partsOf(context, machine);
  if (parts !== undefined) context.templateKey = templateKey(parts);
  return context.templateKey;
}

/** Only a disk nothing has run on can be another one, and what was prepared is a container that is not privileged. */
async function imageTemplateOf(context: StartContext, machine: VmmSpec): Promise<StartContext['imageTemplate']> {
  const { newDisk, image, options } = context;
  if (newDisk === undefined || image === undefined || options.privileged) return undefined;
  const shape = await shapeKey(context, machine);
  const identity = imageDiskIdentity(newDisk.base);
  if (shape === undefined || identity === undefined) return undefined;
  const { store, format } = required(context, 'disk');
  const parts = { ...newDisk, shape, reference: image.reference, identity, store, format };
  return { key: imageTemplateKey(parts), parts };
}

async function templateFor(
  context: StartContext,
  machine: VmmSpec,
  kind: TemplateKind,
): Promise<HeldTemplate | undefined> {
  const { services, options, box } = context;
  const vmm = required(context, 'vmm');
  if (!options.template || vmm.restore === undefined || !services.templates.settings.use) return undefined;
  if (machine.shares.length > 0) {
    const message = 'a box with volumes boots: no template can hold its shares';
    if (kind === 'shape') services.log({ level: 'debug', message, boxId: box.id });
    return undefined;
  }
  let key: string | undefined;
  try {
    key = await keyFor(context, machine, kind);
    return key === undefined ? undefined : await services.templates.store.hold(key);
  } catch (thrown) {
    if (context.signal?.aborted === true) throw thrown;
    if (key !== undefined) await putAside(context, key, thrown);
    else if (kind === 'shape')
      services.log({
        level: 'warn',
        message: 'the box boots: its template cannot be told',
        boxId: box.id,
        cause: thrown,
      });
    return undefined;
  }
}

/** Says once why, removes a template that may be the cause, so that it is made anew, and leaves the box's files as a start finds them. */
async function putAside({ services, box }: StartContext, key: string, cause: unknown): Promise<void> {
  const why = cause instanceof Error ? cause.message : String(cause);
  const isHost = OF_THE_HOST.some((code) => BoxliteError.isInstance(cause, code));
  const name = `template ${key.slice(0, 12)} is ${isHost ? 'not used this time' : 'put aside'}`;
  services.log({ level: 'warn', message: `${name}, and the box starts without it: ${why}`, boxId: box.id });
  try {
    if (!isHost) await services.templates.store.discard(key);
    // Of the machine that did not go on: its end is no crash of the box.
    await rm(box.exitFile, { force: true });
    await truncate(box.stderrFile);
  } catch (thrown) {
    services.log({
      level: 'warn',
      message: `template ${key.slice(0, 12)} cannot be removed`,
      boxId: box.id,
      cause: thrown,
    });
  }
}
