import { BoxliteError } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** What is known of a template where it is decided which ones go. */
interface Candidate {
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
}

/** The templates above a number, the least recently used ones. A pure function. */
export function planTemplateEviction(templates: readonly Candidate[], max: number): readonly string[] {
  const oldest = [...templates].sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  return oldest.slice(0, Math.max(0, oldest.length - max)).map(({ key }) => key);
}

/** Removes the least recently used templates above a number. One that somebody is starting from stays until the next look. */
export async function evictTemplates(
  { templates, log }: Pick<RuntimeServices, 'templates' | 'log'>,
  max: number,
): Promise<void> {
  for (const key of planTemplateEviction(await templates.store.list(), max)) {
    try {
      await templates.store.remove(key);
      log({ level: 'debug', message: `removed the template ${key.slice(0, 12)}: more than ${max} are kept` });
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    }
  }
}
