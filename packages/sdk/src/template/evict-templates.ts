import { BoxliteError } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** What is known of a template where it is decided which ones go. */
interface Candidate {
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Of the shape, for a template of an image. */
  readonly shape?: string | undefined;
}

/**
 * The templates above a number, the least recently used ones. That of a shape is used by each start from one of its images: it is what the next image of the
 * shape begins with. A pure function.
 */
export function planTemplateEviction(templates: readonly Candidate[], max: number): readonly string[] {
  const used = (one: Candidate): number =>
    Math.max(one.lastUsedAt, ...templates.filter(({ shape }) => shape === one.key).map(({ lastUsedAt }) => lastUsedAt));
  const byUse = templates.map((one) => ({ key: one.key, usedAt: used(one), rank: one.shape === undefined ? 1 : 0 }));
  const oldest = byUse.sort((a, b) => a.usedAt - b.usedAt || a.rank - b.rank);
  return oldest.slice(0, Math.max(0, oldest.length - max)).map(({ key }) => key);
}

/** Removes the least recently used templates above a number. One that somebody is starting from stays until the next look. */
export async function evictTemplates(
  { templates, log }: Pick<RuntimeServices, 'templates' | 'log'>,
  max: number,
): Promise<void> {
  const stored = (await templates.store.list()).map(({ key, lastUsedAt, record }) => ({
    ...{ key, lastUsedAt, shape: record?.image?.shape },
  }));
  for (const key of planTemplateEviction(stored, max)) {
    try {
      await templates.store.remove(key);
      log({ level: 'debug', message: `removed the template ${key.slice(0, 12)}: more than ${max} are kept` });
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    }
  }
}
