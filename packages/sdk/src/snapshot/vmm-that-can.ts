import { BoxliteError, type BoxRecord, type VmmHandler } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/**
 * The error for a VMM without an ability that is optional; it names those here that have it.
 * @param what the box cannot do: `be paused`
 */
export async function vmmCannot(
  { registry, vmmToAttach }: Pick<RuntimeServices, 'registry' | 'vmmToAttach'>,
  { config, state }: BoxRecord,
  what: string,
): Promise<BoxliteError> {
  const able: string[] = [];
  for (const { plugin } of await registry.probeAll('vmm')) {
    const handler: VmmHandler | undefined = await vmmToAttach(plugin.id);
    if (handler?.restore !== undefined) able.push(plugin.id);
  }
  const vmm = state.vmmId ?? 'its vmm';
  const remedy = able.map((id) => `--vmm ${id}`).join(' or ');
  return new BoxliteError(
    'unsupported',
    `box ${config.name ?? config.id} cannot ${what}: the vmm ${JSON.stringify(vmm)} has no way to`,
    {
      hint: able.length === 0 ? 'no vmm that is loaded here can' : `create it with one that can: ${remedy}`,
      details: { field: 'vmm', vmm, able },
    },
  );
}
