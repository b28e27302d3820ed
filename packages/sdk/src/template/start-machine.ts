import { rm, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { spawnMachine } from '../init/spawn-machine.js';
import { required, type StartContext } from '../init/start-context.js';
import { type TemplateParts, templateKey, templateParts } from './template-key.js';
import type { HeldTemplate } from './template-store.js';

/**
 * Starts the machine of a box: from a template where there is one for it, else cold. A template that cannot be used is a warning, and a cold start in the
 * same call.
 * @throws BoxliteError what a cold start throws
 */
export async function startMachine(context: StartContext, machine: VmmSpec): Promise<void> {
  context.machine = machine;
  const template = await templateFor(context, machine);
  if (template === undefined) return startCold(context, machine);
  try {
    await spawnMachine(context, { ...machine, from: template.files });
    context.startedFrom = 'template';
    context.template = template.key;
  } catch (thrown) {
    if (context.signal?.aborted === true) throw thrown;
    await putAside(context, template.key, thrown);
  } finally {
    await template.release();
  }
  if (context.startedFrom !== 'template') await startCold(context, machine);
}

/**
 * Boots a box whose start from a template came to nothing after all.
 * @param cause why
 */
export async function startColdInstead(context: StartContext, cause: unknown): Promise<void> {
  const { template } = context;
  if (template === undefined) throw cause;
  await context.undoSpawn?.();
  await putAside(context, template, cause);
  await startCold(context, required(context, 'machine'));
}

async function startCold(context: StartContext, machine: VmmSpec): Promise<void> {
  delete context.template;
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

async function templateFor(context: StartContext, machine: VmmSpec): Promise<HeldTemplate | undefined> {
  const { services, options, box } = context;
  const vmm = required(context, 'vmm');
  if (!options.template || vmm.restore === undefined || !services.templates.settings.use) return undefined;
  if (machine.shares.length > 0) {
    const message = 'a box with volumes boots: no template can hold its shares';
    services.log({ level: 'debug', message, boxId: box.id });
    return undefined;
  }
  let key: string | undefined;
  try {
    const parts = await partsOf(context, machine);
    if (parts === undefined) return undefined;
    key = templateKey(parts);
    context.templateKey = key;
    return await services.templates.store.hold(key);
  } catch (thrown) {
    if (context.signal?.aborted === true) throw thrown;
    if (key !== undefined) await putAside(context, key, thrown);
    else
      services.log({
        level: 'warn',
        message: 'the box boots: its template cannot be told',
        boxId: box.id,
        cause: thrown,
      });
    return undefined;
  }
}

/** Says once why, removes the template, so that it is made anew, and leaves the box's files as a start finds them. */
async function putAside({ services, box }: StartContext, key: string, cause: unknown): Promise<void> {
  const why = cause instanceof Error ? cause.message : String(cause);
  services.log({
    level: 'warn',
    message: `template ${key.slice(0, 12)} is put aside, and the box boots: ${why}`,
    boxId: box.id,
  });
  try {
    await services.templates.store.discard(key);
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
