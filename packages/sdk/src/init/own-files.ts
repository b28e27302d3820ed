import type { VmmHandler, VmmHostRequirements, VmmSpec } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { copyBoxFiles } from '../runtime/copy-box-files.js';
import type { Log } from '../runtime/log.js';
import { inOptionNames } from './check-machine.js';

/**
 * Gives a box the files its VMM runs as its own: copies in `bin/`. Where they cannot be made the originals are used, with a warning (spec section 2).
 * @returns the spec to go on with
 * @throws BoxliteError of the VMM's `requirements`, with `details.field` naming the option of the box
 */
export async function withOwnFiles(
  vmm: Pick<VmmHandler, 'requirements'>,
  spec: VmmSpec,
  box: Pick<BoxLayout, 'id' | 'binDir' | 'uid'>,
  log: Log,
): Promise<VmmSpec> {
  const own: VmmSpec = { ...spec, binDir: box.binDir };
  const { copies } = await requirementsOf(vmm, own);
  if (copies === undefined || copies.length === 0) return spec;
  try {
    await copyBoxFiles(box, copies);
    return own;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    log({ level: 'warn', message: `the VMM runs from its original files, not from copies: ${why}`, boxId: box.id });
    return spec;
  }
}

async function requirementsOf(vmm: Pick<VmmHandler, 'requirements'>, spec: VmmSpec): Promise<VmmHostRequirements> {
  try {
    return await vmm.requirements(spec);
  } catch (thrown) {
    throw inOptionNames(thrown);
  }
}
