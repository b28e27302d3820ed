import { BoxliteError } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import type { TemplateState } from './storage-snapshot.js';

/**
 * Removes templates; one that a box has begun to start from meanwhile stays.
 * @returns those that were removed
 * @throws BoxliteError `storage_error`
 */
export async function removeTemplates(
  { templates }: Pick<RuntimeServices, 'templates'>,
  planned: readonly TemplateState[],
): Promise<readonly TemplateState[]> {
  const removed: TemplateState[] = [];
  for (const template of planned) {
    try {
      if (await templates.store.remove(template.key)) removed.push(template);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    }
  }
  return removed;
}
