import type { Plugin, PluginKind, PluginRegistry, ProbedPlugin } from '@boxlite/core';
import { LANDLOCK_ID } from '../registry/sandbox-ids.js';
import type { Check } from './check.js';

/** In the order in which a start needs them. */
const KINDS: readonly PluginKind[] = ['vmm', 'sandbox', 'kernel-source', 'image-source', 'disk-store', 'state-store'];
/** The SDK has a store of its own, so nobody need register one. */
const OPTIONAL: ReadonlySet<PluginKind> = new Set(['state-store']);

/** A plugin that a variable of the environment chooses. */
export interface NamedPlugin {
  readonly id: string;
  readonly variable: string;
}

/** What the environment chooses, by kind. */
export type NamedPlugins = { readonly [Kind in PluginKind]?: NamedPlugin };

/** The plugins of one kind as they were found. */
interface ProbedKind {
  readonly kind: PluginKind;
  readonly probed: readonly ProbedPlugin[];
  /** The one the environment names: then no other is chosen by default. */
  readonly named: NamedPlugin | undefined;
  originOf(id: string): string | undefined;
}

/**
 * Every plugin of every kind, in the order in which selection tries them. One that is not available is `failed` when a box would need it: no
 * other of its kind is, or the environment names it.
 *
 * Facts: `kind`, `plugin`, `available`, `default` (chosen when nobody chooses; Landlock with the sandbox it is put inside of), `origin` (the file of a
 * plugin that was loaded).
 * @param chosen what variables such as `BOXLITE_VMM` name
 */
export async function pluginChecks(registry: PluginRegistry, chosen: NamedPlugins = {}): Promise<readonly Check[]> {
  const groups = await Promise.all(
    KINDS.map(async (kind) =>
      checksOfKind({
        kind,
        probed: await registry.probeAll(kind),
        named: chosen[kind],
        originOf: (id) => registry.origin(kind, id),
      }),
    ),
  );
  return groups.flat();
}

function checksOfKind(found: ProbedKind): readonly Check[] {
  const { kind, probed, named, originOf } = found;
  if (probed.length === 0) return OPTIONAL.has(kind) ? [] : [notRegistered(kind, undefined)];
  const isCandidate = ({ id, byNameOnly }: Plugin) =>
    named === undefined ? byNameOnly === undefined : id === named.id;
  const chosen = probed.find(({ plugin, result }) => result.available && isCandidate(plugin))?.plugin;
  const checks = probed.map(({ plugin, result }): Check => {
    const { available } = result;
    const isInside = kind === 'sandbox' && plugin.id === LANDLOCK_ID && available && chosen !== undefined;
    const isDefault = plugin === chosen || isInside;
    const facts = { kind, plugin: plugin.id, available, default: isDefault, origin: originOf(plugin.id) };
    const id = `${kind}:${plugin.id}`;
    if (result.available) return { id, status: 'ok', detail: result.detail ?? 'available', facts };
    const isNeeded = chosen === undefined && isCandidate(plugin);
    return { id, status: isNeeded ? 'failed' : 'warning', detail: result.reason, remedy: result.remedy, facts };
  });
  const isUnknown = named !== undefined && !probed.some(({ plugin }) => plugin.id === named.id);
  return isUnknown ? [...checks, notRegistered(kind, named)] : checks;
}

function notRegistered(kind: PluginKind, named: NamedPlugin | undefined): Check {
  const facts = { kind, plugin: named?.id, available: false, default: false, origin: undefined };
  if (named === undefined) {
    const detail = `no ${kind} plugin is registered`;
    return { id: `${kind}:none`, status: 'failed', detail, remedy: 'use the plugins of defaultRegistry()', facts };
  }
  const { id, variable } = named;
  const detail = `${variable} names it, and no ${kind} plugin of this id is registered`;
  return { id: `${kind}:${id}`, status: 'failed', detail, remedy: `correct or unset ${variable}`, facts };
}
