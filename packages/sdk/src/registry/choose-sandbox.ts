import { BoxliteError, type Sandbox } from '@boxlite/core';
import { createCompositeSandbox, createNoopSandbox } from '@boxlite/jailer';
import type { ResolvedBoxOptions } from '../options/box-options.js';
import type { PluginChooser } from './plugin-chooser.js';
import { LANDLOCK_ID } from './sandbox-ids.js';

/** Which sandbox, and what is done where it is not to be had. */
export interface SandboxChoice {
  /** A plugin's id, or several, outermost first, with `+` between them. */
  readonly sandbox?: string | undefined;
  readonly security: Pick<ResolvedBoxOptions['security'], 'jailer'>;
}

/**
 * The sandbox of a box. What was named is what is taken, all of it. Where nothing was named: the best one that is available, and inside it Landlock where
 * this kernel has it; a kernel without is told of at each start, and confines no less than bubblewrap does. With `best-effort` every part may be missing.
 * @throws BoxliteError `plugin_unknown`, `plugin_none_available`
 */
export async function chooseSandbox(
  plugins: PluginChooser,
  { sandbox, security: { jailer } }: SandboxChoice,
): Promise<Sandbox> {
  const isBestEffort = jailer === 'best-effort';
  if (sandbox !== undefined) return named(plugins, sandbox.split('+'), isBestEffort);
  const main = await mainSandbox(plugins, isBestEffort);
  const landlock = await plugins.toAttach<Sandbox>('sandbox', LANDLOCK_ID);
  const isAlone = main.buildsView === undefined && (await main.isAvailable()).available;
  if (landlock === undefined || isAlone) return main;
  return createCompositeSandbox([main, landlock], { optional: isBestEffort ? 'all' : [LANDLOCK_ID] });
}

async function named(plugins: PluginChooser, ids: readonly string[], isBestEffort: boolean): Promise<Sandbox> {
  const [only, ...others] = ids;
  if (only !== undefined && others.length === 0) return plugins.choose<Sandbox>('sandbox', only);
  const members: Sandbox[] = [];
  for (const id of ids) {
    const member = isBestEffort ? await plugins.toAttach<Sandbox>('sandbox', id) : undefined;
    members.push(member ?? (await plugins.choose<Sandbox>('sandbox', id)));
  }
  return createCompositeSandbox(members, isBestEffort ? { optional: 'all' } : {});
}

/** With `best-effort`, where there is none: one that says why it is not there. */
async function mainSandbox(plugins: PluginChooser, isBestEffort: boolean): Promise<Sandbox> {
  try {
    return await plugins.choose<Sandbox>('sandbox');
  } catch (thrown) {
    if (!isBestEffort || !BoxliteError.isInstance(thrown, 'plugin_none_available')) throw thrown;
    const { message: reason, hint: remedy } = thrown;
    const absent = { available: false, reason, ...(remedy === undefined ? {} : { remedy }) };
    return { ...createNoopSandbox(), name: 'a sandbox with a view', isAvailable: async () => absent };
  }
}
